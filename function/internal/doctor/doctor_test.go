package doctor_test

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"vicihook/function/internal/config"
	"vicihook/function/internal/doctor"
	"vicihook/function/internal/secret"
	"vicihook/function/internal/source"
	"vicihook/infra/local/secretsmanager"
	"vicihook/vicicall"
	"vicihook/vicicall/vicitest"
)

const goodKey = "whsec_bDl4UHEwbVVlN1RuMnNXdlliOEw0MXhacg=="

const otherKey = "whsec_aVB6cTFNd0U4clQ1eVUyaU83cEE0c0Q2ZkczaEo="

// A fixture has everything that the doctor examines, healthy until a test breaks it.
type fixture struct {
	*testing.T
	srv     *vicitest.Server
	secrets *secretsmanager.Server
	env     map[string]string
	sources string
	keys    string         // the webhook secret
	account map[string]any // VICIdial's secret
	text    string         // in place of account
	limit   time.Duration  // of the function's own time; 0 = none
	dial    func(context.Context, string, string) (net.Conn, error)
	now     func() time.Time
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	secrets, err := secretsmanager.NewServer(secretsmanager.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = secrets.Close() })
	f := &fixture{
		T: t, secrets: secrets, env: map[string]string{}, keys: `{"crm": "` + goodKey + `"}`,
		sources: `{"crm": {"scheme": "standard-webhooks"}}`,
		account: map[string]any{"user": vicitest.DefaultUser, "pass": vicitest.DefaultPass},
	}
	f.use(vicitest.NewServer(vicitest.Config{}))
	return f
}

// use sets srv as the VICIdial, with a remote agent in a live call.
func (f *fixture) use(srv *vicitest.Server) {
	f.Cleanup(srv.Close)
	srv.AddRemoteAgent(1028, 1)
	srv.AddCall(vicitest.Call{ID: srv.NextCallID('Y'), Agent: "1028"})
	f.srv, f.account["url"] = srv, srv.URL
}

// doctor returns the doctor. A test breaks the fixture before it calls this.
func (f *fixture) doctor() *doctor.Doctor {
	f.Helper()
	sources := filepath.Join(f.TempDir(), "sources.json")
	if err := os.WriteFile(sources, []byte(f.sources), 0o600); err != nil {
		f.Fatal(err)
	}
	f.put("SOURCES_FILE", sources)
	f.put("WEBHOOK_SECRET_ARN", f.create("webhook", f.keys))
	if f.text == "" {
		text, err := json.Marshal(f.account)
		if err != nil {
			f.Fatal(err)
		}
		f.text = string(text)
	}
	f.put("VICIDIAL_SECRET_ARN", f.create("vicidial", f.text))
	settings, err := config.Load(func(name string) string { return f.env[name] }, ".")
	if err != nil {
		return &doctor.Doctor{Broken: err}
	}
	return f.doctorFor(settings)
}

func (f *fixture) doctorFor(settings config.Config) *doctor.Doctor {
	api := sdk.New(sdk.Options{
		Region: secretsmanager.Region, BaseEndpoint: &f.secrets.URL,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	})
	client := vicicall.New(vicicall.Config{AllowHTTP: settings.AllowHTTP, Now: f.now, Dial: f.dial})
	f.Cleanup(client.Close)
	return &doctor.Doctor{
		Settings: settings, VICIdial: client, Region: secretsmanager.Region, Now: f.now,
		Keys: secret.New(secret.Config[source.Keyring]{
			API: api, ARN: settings.WebhookSecretARN, Parse: settings.Sources.ParseKeys, PreviousFor: 24 * time.Hour, Now: f.now,
		}),
		Account: secret.New(secret.Config[vicicall.Credentials]{
			API: api, ARN: settings.VICIdialSecretARN, Parse: settings.Credentials, Now: f.now,
		}),
	}
}

// put sets a variable that the test has not set.
func (f *fixture) put(name, value string) {
	if _, staged := f.env[name]; !staged {
		f.env[name] = value
	}
}

func (f *fixture) create(name, value string) string {
	f.Helper()
	arn, err := f.secrets.Create(name, value)
	if err != nil {
		f.Fatal(err)
	}
	return arn
}

func (f *fixture) examine() doctor.Report {
	f.Helper()
	d, ctx := f.doctor(), f.Context()
	if f.limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.limit)
		defer cancel()
	}
	return d.Examine(ctx)
}

// checkHarmless checks that VICIdial's tables are unchanged.
func (f *fixture) checkHarmless(r doctor.Report) {
	f.Helper()
	call := f.srv.Calls()[0]
	if f.srv.Count("HANGUP") > 0 || !call.Listed || !call.LineUp || call.Disposition != "" || len(f.srv.ManagerRows()) > 0 {
		f.Errorf("the doctor changed something: %d HANGUP, %+v", f.srv.Count("HANGUP"), call)
	}
	lookups := f.srv.Count("agent_status") + f.srv.Count("logged_in_agents")
	if n := f.srv.LoginAttempts(); n-lookups > 1 || f.srv.Count("CHECK") > 1 || f.srv.FailedLogins() > 1 {
		f.Errorf("the account was tried %d times, by %d CHECK and %d lookups", n, f.srv.Count("CHECK"), lookups)
	}
	text, err := json.Marshal(r)
	if err != nil {
		f.Fatal(err)
	}
	for _, kept := range []string{vicitest.DefaultPass, vicitest.DefaultLookupPass, strings.TrimPrefix(goodKey, "whsec_"), "topsecret"} {
		if strings.Contains(string(text), kept) {
			f.Errorf("the report shows a secret: %s", text)
		}
	}
}

func TestHealthy(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.limit = 10 * time.Second
	r := f.examine()
	f.checkHarmless(r)
	if !r.Healthy || r.Verdict != "healthy" || len(r.Findings) > 0 {
		t.Fatalf("%+v", r)
	}
	if len(r.Secrets) != 2 || r.Secrets[0].Name != "WEBHOOK_SECRET_ARN" || r.Secrets[0].Version == "" || r.Secrets[1].Put == nil {
		t.Errorf("secrets: %+v", r.Secrets)
	}
	if want := (doctor.Source{Name: "crm", Scheme: "standard-webhooks", State: "ready", Keys: 1}); len(r.Sources) != 1 || r.Sources[0] != want {
		t.Errorf("sources: %+v", r.Sources)
	}
	s := r.Servers[0]
	if s.Host != f.srv.URL || s.From != "127.0.0.1" || s.VICIdial != "2.14-82" || s.Build != "250122-1010" || *s.ClockSeconds > 1 || *s.ClockSeconds < -1 {
		t.Errorf("server: %+v", s)
	}
	if a := r.Account; a.Outcome != "agent_not_logged_in" || a.Tries != 1 || a.Reply == "" {
		t.Errorf("account: %+v", a)
	}
	if d := r.Deadlines; d.BudgetMS != 4000 || d.FunctionMS < 9000 || d.LongestMS != 4000 || d.ShortestMS != 4000 {
		t.Errorf("deadlines: %+v", d)
	}
}

func TestLookupAccountIsTriedOnlyIfNeeded(t *testing.T) {
	t.Parallel()
	for _, finds := range []bool{true, false} {
		f := newFixture(t)
		finding(func(*vicitest.User) {})(f)
		if !finds {
			f.sources = `{"crm": {"scheme": "standard-webhooks"}}`
		}
		r := f.examine()
		f.checkHarmless(r)
		lookups := f.srv.Count("agent_status") + f.srv.Count("logged_in_agents")
		if !r.Healthy || len(r.Findings) > 0 || (r.Lookup != nil) != finds || (lookups > 0) != finds {
			t.Errorf("finds %v: %d lookups, %+v", finds, lookups, r)
		}
		if finds && !strings.Contains(r.Lookup.Message, "agents seen: 1") {
			t.Errorf("%+v", r.Lookup)
		}
	}
}

func TestClockIsCutToTheSecond(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	now := time.Unix(time.Now().Unix(), 800_000_000)
	f.now = func() time.Time { return now }
	f.use(vicitest.NewServer(vicitest.Config{Now: f.now}))
	if off := *f.examine().Servers[0].ClockSeconds; off != 0 {
		t.Errorf("%d s", off)
	}
}

func TestCertificateHasItsPin(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	authority := vicitest.NewAuthority()
	f.use(vicitest.NewTLSServer(vicitest.Config{}, authority.Issue(vicitest.Cert{Hosts: []string{"127.0.0.1"}, NotAfter: time.Now().Add(61*24*time.Hour + time.Hour)})))
	f.account["ca"] = authority.PEM()
	c := f.examine().Servers[0].Certificate
	if c == nil || c.Pin != f.srv.Pin() || c.DaysLeft != 61 || c.Trust != "ca" || c.Issuer != "vicitest authority" || len(c.Names) != 1 {
		t.Errorf("%+v", c)
	}
}

func TestUntrustedCertificateIsReported(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	selfSigned(f)
	if c := f.examine().Servers[0].Certificate; c == nil || c.Pin != f.srv.Pin() || c.Trust != "nothing" {
		t.Errorf("%+v", c)
	}
}

func TestPinReplacesTimeNameAndChain(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.use(vicitest.NewTLSServer(vicitest.Config{}, vicitest.SelfSigned(vicitest.Cert{Hosts: []string{"elsewhere"}, NotAfter: time.Now().Add(-time.Minute)})))
	f.account["tls_pin"] = []string{f.srv.Pin()}
	if r := f.examine(); !r.Healthy || len(r.Findings) > 0 || r.Servers[0].Certificate.Trust != "tls_pin" {
		t.Errorf("%+v", r)
	}
}

func TestPreviousKeysAreCounted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d := f.doctor()
	if _, err := f.secrets.Put(f.env["WEBHOOK_SECRET_ARN"], `{"crm": "`+otherKey+`"}`); err != nil {
		t.Fatal(err)
	}
	if s := d.Examine(t.Context()).Sources[0]; s.Keys != 1 || s.Previous != 1 {
		t.Errorf("%+v", s)
	}
}
