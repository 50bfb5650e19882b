//go:build unix

package systemtest_test

import (
	"crypto/tls"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"vicihook/infra/local/secretsmanager"
	"vicihook/infra/local/stack"
	"vicihook/vicicall/vicitest"
)

// aws is the network around a function that has only the SDK's own settings: a front of Secrets Manager with a
// certificate of a private authority, an HTTPS proxy that leads every host to it, and a container's credentials.
type aws struct {
	secrets, front, proxy, container *httptest.Server
	bundle                           string // the authority's certificate, in a file

	mu   sync.Mutex
	hits []hit
}

// A hit is one request to Secrets Manager.
type hit struct{ host, accessKey string }

// Hosts of Secrets Manager. In the partition aws the dual-stack endpoint has the name of the one for IPv4, so the
// European one is used.
const (
	dialed          = "127.0.0.1"
	fipsHost        = "secretsmanager-fips.us-east-1.amazonaws.com"
	dualStackRegion = "eusc-de-east-1"
	dualStackHost   = "secretsmanager." + dualStackRegion + ".api.amazonwebservices.eu"
)

func newAWS(t *testing.T, secrets *secretsmanager.Server) *aws {
	t.Helper()
	target, err := url.Parse(secrets.URL)
	if err != nil {
		t.Fatal(err)
	}
	a, authority := &aws{}, vicitest.NewAuthority()
	next := httputil.NewSingleHostReverseProxy(target)
	front := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.record(r)
		signature := r.Header.Get("Authorization") // the local Secrets Manager is in one region only
		r.Header.Set("Authorization", strings.Replace(signature, "/"+dualStackRegion+"/", "/"+secretsmanager.Region+"/", 1))
		next.ServeHTTP(w, r)
	})
	a.secrets = httptest.NewServer(front)
	a.front = httptest.NewUnstartedServer(front)
	a.front.TLS = &tls.Config{Certificates: []tls.Certificate{authority.Issue(vicitest.Cert{Hosts: []string{
		dialed, fipsHost, dualStackHost,
	}})}}
	a.front.Config.ErrorLog = log.New(io.Discard, "", 0) // one case does not trust it
	a.front.StartTLS()
	a.proxy = httptest.NewServer(http.HandlerFunc(a.connect))
	a.container = httptest.NewServer(http.HandlerFunc(containerCredentials))
	for _, server := range []*httptest.Server{a.secrets, a.front, a.proxy, a.container} {
		t.Cleanup(server.Close)
	}
	a.bundle = fileOf(t, authority.PEM())
	return a
}

func (a *aws) record(r *http.Request) {
	_, credential, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	accessKey, _, _ := strings.Cut(credential, "/")
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.hits = append(a.hits, hit{host, accessKey})
}

// seen returns the distinct requests.
func (a *aws) seen() []hit {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Compact(slices.Clone(a.hits))
}

// connect tunnels a connection to any host to the front.
func (a *aws) connect(w http.ResponseWriter, r *http.Request) {
	front, err := net.Dial("tcp", a.front.Listener.Addr().String())
	if r.Method != http.MethodConnect || err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	client, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		front.Close()
		return
	}
	_, _ = io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func() { _, _ = io.Copy(front, client); front.Close() }()
	go func() { _, _ = io.Copy(client, front); client.Close() }()
}

// containerCredentials answers as SnapStart, ECS and EKS do.
func containerCredentials(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "container-token" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	_, _ = io.WriteString(w, `{"AccessKeyId":"AKIACONTAINER","SecretAccessKey":"secret","Token":"token","Expiration":"2099-01-01T00:00:00Z"}`)
}

func fileOf(t *testing.T, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// closed is an address without a listener.
const closed = "http://127.0.0.1:1"

// lambdaKey is the access key that infra/local gives a function, as Lambda does.
const lambdaKey = "AKIAIOSFODNN7EXAMPLE"

func TestAWSSettings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env  func(*testing.T, *aws) map[string]string
		want hit
	}{
		"AWS_ENDPOINT_URL leads all services": {func(_ *testing.T, a *aws) map[string]string {
			return map[string]string{"AWS_ENDPOINT_URL": a.secrets.URL}
		}, hit{dialed, lambdaKey}},
		"AWS_ENDPOINT_URL_SECRETS_MANAGER wins over it": {func(_ *testing.T, a *aws) map[string]string {
			return map[string]string{"AWS_ENDPOINT_URL": closed, "AWS_ENDPOINT_URL_SECRETS_MANAGER": a.secrets.URL}
		}, hit{dialed, lambdaKey}},
		"AWS_USE_FIPS_ENDPOINT asks the FIPS endpoint": {func(_ *testing.T, a *aws) map[string]string {
			return map[string]string{"AWS_USE_FIPS_ENDPOINT": "true", "HTTPS_PROXY": a.proxy.URL, "AWS_CA_BUNDLE": a.bundle}
		}, hit{fipsHost, lambdaKey}},
		"AWS_USE_DUALSTACK_ENDPOINT asks the endpoint with IPv6": {func(_ *testing.T, a *aws) map[string]string {
			return map[string]string{
				"AWS_USE_DUALSTACK_ENDPOINT": "true", "AWS_REGION": dualStackRegion, "HTTPS_PROXY": a.proxy.URL, "AWS_CA_BUNDLE": a.bundle,
			}
		}, hit{dualStackHost, lambdaKey}},
		"AWS_CA_BUNDLE is trusted": {func(_ *testing.T, a *aws) map[string]string {
			return map[string]string{"AWS_ENDPOINT_URL": a.front.URL, "AWS_CA_BUNDLE": a.bundle}
		}, hit{dialed, lambdaKey}},
		"container credentials sign": {func(_ *testing.T, a *aws) map[string]string {
			return map[string]string{
				"AWS_ENDPOINT_URL": a.secrets.URL, "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": "",
				"AWS_CONTAINER_CREDENTIALS_FULL_URI": a.container.URL, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "container-token",
			}
		}, hit{dialed, "AKIACONTAINER"}},
		"a profile gives endpoint, region and credentials": {func(t *testing.T, a *aws) map[string]string {
			return map[string]string{
				"AWS_REGION": "", "AWS_DEFAULT_REGION": "", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_PROFILE": "hooks",
				"AWS_CONFIG_FILE": fileOf(t, "[profile hooks]\nregion = us-east-1\nendpoint_url = "+a.secrets.URL+
					"\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = secret\n"),
			}
		}, hit{dialed, "AKIAPROFILE"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, a := newAWSFixture(t, c.env)
			if got := b.send(t, b.delivery(t, "crm", payloadOf(b.call))); got.Outcome != "hungup" {
				t.Fatalf("got %s: %s", got.body, strings.Join(b.Logs(), "\n"))
			}
			if got := a.seen(); !slices.Equal(got, []hit{c.want}) {
				t.Errorf("Secrets Manager saw %v, want %v alone", got, c.want)
			}
		})
	}
}

// newAWSFixture returns a function that finds Secrets Manager by env only.
func newAWSFixture(t *testing.T, env func(*testing.T, *aws) map[string]string) (*fixture, *aws) {
	t.Helper()
	if os.Getenv("SECRETSMANAGER_URL") != "" {
		t.Skip("needs the local Secrets Manager")
	}
	secrets, err := secretsmanager.NewServer(secretsmanager.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { secrets.Close() })
	a := newAWS(t, secrets)
	all := map[string]string{"AWS_ENDPOINT_URL_SECRETS_MANAGER": ""} // as the template sets it
	maps.Copy(all, env(t, a))
	return newFixture(t, stack.Config{Secrets: secrets, Env: all}), a
}

func TestWrongAWSSettings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env  map[string]string
		says string
	}{
		"a profile that no file has": {map[string]string{"AWS_PROFILE": "nobody"}, "nobody"},
		"a bundle that is missing":   {map[string]string{"AWS_CA_BUNDLE": "/unresolvable/ca.pem"}, "/unresolvable/ca.pem"},
		"a switch of another word":   {map[string]string{"AWS_USE_FIPS_ENDPOINT": "perhaps"}, "AWS_USE_FIPS_ENDPOINT"},
		"no region":                  {map[string]string{"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}, "AWS_REGION is not set"},
		"no credentials":             {map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "give the function a role"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(t, stack.Config{Env: c.env})
			got := b.send(t, b.delivery(t, "crm", payloadOf(b.call)))
			if got.Outcome != "misconfigured" || got.status != http.StatusInternalServerError {
				t.Errorf("got %d %s", got.status, got.body)
			}
			var causes []string
			for _, line := range b.Logs() {
				if strings.Contains(line, `"cause"`) && strings.Contains(line, `"ERROR"`) {
					causes = append(causes, line)
				}
			}
			if len(causes) != 1 || !strings.Contains(causes[0], c.says) {
				t.Errorf("want one ERROR line that says %q, got\n%s", c.says, strings.Join(b.Logs(), "\n"))
			}
		})
	}
}

func TestUntrustedCertificateOfSecretsManager(t *testing.T) {
	t.Parallel()
	b, a := newAWSFixture(t, func(_ *testing.T, a *aws) map[string]string {
		return map[string]string{"AWS_ENDPOINT_URL": a.front.URL}
	})
	if got := b.send(t, b.delivery(t, "crm", payloadOf(b.call))); got.Outcome != "unavailable" {
		t.Errorf("got %s", got.body)
	}
	if got := a.seen(); len(got) != 0 {
		t.Errorf("Secrets Manager saw %v", got)
	}
}
