package vicitest_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"vicihook/vicicall/vicitest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// connsOf sends two CHECKs with one client and returns their connections. A request that meets the
// closing of its connection is sent again.
func connsOf(t *testing.T, srv *vicitest.Server, between func()) []int {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for range 2 {
		resp, err := client.PostForm(srv.URL+"/agc/api.php", form("stage", "CHECK"))
		if err != nil {
			resp, err = client.PostForm(srv.URL+"/agc/api.php", form("stage", "CHECK"))
		}
		if err != nil {
			t.Fatal(err)
		}
		read(t, resp)
		between()
	}
	var conns []int
	for _, r := range srv.Requests() {
		conns = append(conns, r.Conn)
	}
	return conns
}

func TestRequestsRecordTheirConnection(t *testing.T) {
	t.Parallel()
	srv := start(t, vicitest.Config{})
	if conns := connsOf(t, srv, func() {}); !slices.Equal(conns, []int{1, 1}) || srv.Connections() != 1 {
		t.Errorf("kept alive, but got %v of %d", conns, srv.Connections())
	}
	srv = start(t, vicitest.Config{})
	inject(t, srv, vicitest.Fault{Name: "closes-after"})
	if conns := connsOf(t, srv, func() {}); !slices.Equal(conns, []int{1, 2}) {
		t.Errorf("closed after each answer, but got %v", conns)
	}
}

func TestCloseIdle(t *testing.T) {
	t.Parallel()
	srv := start(t, vicitest.Config{})
	closeIdle := func() { await(t, srv, func() bool { return srv.CloseIdle() == 1 && srv.CloseIdle() == 0 }) }
	conns := connsOf(t, srv, closeIdle)
	if conns[0] != 1 || conns[len(conns)-1] != 2 {
		t.Errorf("got %v", conns)
	}
}

func TestTLSServerCertificates(t *testing.T) {
	t.Parallel()
	authority := vicitest.NewAuthority()
	yesterday := time.Now().Add(-24 * time.Hour)
	tests := map[string]struct {
		certificate tls.Certificate
		want        any // type of the error
	}{
		"self-signed":            {want: new(x509.UnknownAuthorityError)},
		"signed by an authority": {certificate: authority.Issue(vicitest.Cert{Hosts: []string{"127.0.0.1"}})},
		"the wrong name": {certificate: authority.Issue(vicitest.Cert{Hosts: []string{"dialer.example.com"}}),
			want: new(x509.HostnameError)},
		"a common name only": {certificate: authority.Issue(vicitest.Cert{CommonName: "127.0.0.1"}),
			want: new(x509.HostnameError)},
		"expired": {certificate: authority.Issue(vicitest.Cert{Hosts: []string{"127.0.0.1"}, NotBefore: yesterday, NotAfter: yesterday.Add(time.Hour)}),
			want: new(x509.CertificateInvalidError)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := vicitest.NewTLSServer(vicitest.Config{}, tt.certificate)
			defer srv.Close()
			roots := x509.NewCertPool()
			roots.AppendCertsFromPEM([]byte(authority.PEM()))
			client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
			defer client.CloseIdleConnections()
			resp, err := client.PostForm(srv.URL+"/agc/api.php", form("function", "version"))
			if tt.want != nil {
				if !errors.As(err, tt.want) || len(srv.Requests()) != 0 {
					t.Errorf("got %v after %d requests", err, len(srv.Requests()))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, body := read(t, resp); !strings.HasPrefix(body, "VERSION: 2.14-82") || len(srv.Pin()) != len("sha256/")+44 {
				t.Errorf("got %q, pin %q", body, srv.Pin())
			}
		})
	}
}

func TestResetOverTLS(t *testing.T) {
	t.Parallel()
	authority := vicitest.NewAuthority()
	srv := vicitest.NewTLSServer(vicitest.Config{}, authority.Issue(vicitest.Cert{Hosts: []string{"127.0.0.1"}}))
	defer srv.Close()
	inject(t, srv, vicitest.Fault{Name: "reset"})
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(authority.PEM()))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	_, err := client.PostForm(srv.URL+"/agc/api.php", form())
	if err == nil || ending(err) != "reset" {
		t.Errorf("got %v", err)
	}
}

func TestListenOnAnAddressInUse(t *testing.T) {
	t.Parallel()
	srv := start(t, vicitest.Config{})
	if _, err := vicitest.Listen(strings.TrimPrefix(srv.URL, "http://"), vicitest.Config{}); err == nil || !strings.HasPrefix(err.Error(), "vicitest: listen tcp") {
		t.Errorf("got %v", err)
	}
}

func TestHandler(t *testing.T) {
	t.Parallel()
	srv := vicitest.New(vicitest.Config{})
	defer srv.Close()
	front := httptest.NewServer(srv.Handler())
	defer front.Close()
	for path, want := range map[string]int{"/agc/api.php": 200, "/dialer/agc/api.php": 200, "/api.php": 404} {
		resp, err := http.PostForm(front.URL+path, form("function", "version"))
		if err != nil {
			t.Fatal(err)
		}
		if status, _ := read(t, resp); status != want {
			t.Errorf("%s: got %d, want %d", path, status, want)
		}
	}
	if srv.Count("") != 3 || srv.Count("version") != 2 || srv.Requests()[0].Conn != 0 {
		t.Errorf("got %+v", srv.Requests())
	}
	recorder := httptest.NewRecorder()
	srv.Close()
	defer func() {
		if recover() != http.ErrAbortHandler {
			t.Error("a closed server answered")
		}
	}()
	srv.Handler().ServeHTTP(recorder, httptest.NewRequest("POST", "/agc/api.php", nil))
}

func TestHandlerCannotDrop(t *testing.T) {
	t.Parallel()
	srv := vicitest.New(vicitest.Config{})
	defer srv.Close()
	inject(t, srv, vicitest.Fault{Name: "dropped"})
	defer func() {
		if recover() != http.ErrAbortHandler {
			t.Error("the handler did not abort")
		}
	}()
	srv.Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/agc/api.php", nil))
}

func TestManyClients(t *testing.T) {
	t.Parallel()
	srv := vicitest.NewServer(vicitest.Config{})
	defer srv.Close()
	srv.AddRemoteAgent(1000, 20)
	var clients sync.WaitGroup
	for _, agent := range srv.Agents() {
		clients.Go(func() {
			id := srv.NextCallID('Y')
			srv.AddCall(vicitest.Call{ID: id, Agent: agent.User})
			if _, body := post(t, srv, form("value", id, "agent_user", agent.User)); !strings.HasPrefix(body, "SUCCESS: ") || srv.Listed(id) {
				t.Errorf("got %q", body)
			}
		})
	}
	clients.Wait()
	if srv.Count("HANGUP") != 20 || srv.MaxConcurrentHangups() != 1 || len(srv.ManagerRows()) != 20 || len(srv.Calls()) != 20 {
		t.Errorf("%d hang-ups, at most %d at once", srv.Count("HANGUP"), srv.MaxConcurrentHangups())
	}
}

func TestObservations(t *testing.T) {
	t.Parallel()
	versions := map[string]int{}
	for _, o := range vicitest.Observations() {
		versions[o.Version]++
		if o.Version == "" || o.Condition == "" || o.Status == 0 || o.ContentType == "" {
			t.Errorf("incomplete: %+v", o)
		}
		if o.EchoesPassword != strings.Contains(o.Body, "S3cret") && !o.Derived {
			t.Errorf("%s, %s: echoes the password: %t", o.Version, o.Condition, o.EchoesPassword)
		}
	}
	if versions["2.14-82"] == 0 || versions["2.4-17"] == 0 {
		t.Errorf("got %v", versions)
	}
}
