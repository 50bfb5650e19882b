package vicicall_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"vicihook/vicicall"
)

const password = "S3cret.+/="

func credentials(urls ...string) vicicall.Credentials {
	return vicicall.Credentials{URLs: urls, User: "6666", Pass: password, Version: "v1"}
}

func theCall() vicicall.Call {
	return vicicall.Call{ID: callID, AgentUser: agent, Disposition: "SALE", Source: "vhcrm"}
}

// fields names the fields of every FieldError in err.
func fields(t *testing.T, err, kind error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var names []string
	for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
		var field *vicicall.FieldError
		if !errors.As(e, &field) || !errors.Is(e, kind) {
			t.Fatalf("%v is no *FieldError that wraps %v", e, kind)
		}
		names = append(names, field.Field)
	}
	return strings.Join(names, " ")
}

func TestCallValidate(t *testing.T) {
	t.Parallel()
	with := func(change func(*vicicall.Call)) vicicall.Call {
		c := theCall()
		change(&c)
		return c
	}
	id := func(s string) vicicall.Call { return with(func(c *vicicall.Call) { c.ID = s }) }
	for name, tt := range map[string]struct {
		call vicicall.Call
		want string
	}{
		"a whole call":                       {theCall(), ""},
		"nothing but call and agent":         {vicicall.Call{ID: callID, AgentUser: "ra_28-b"}, ""},
		"every fault at once":                {vicicall.Call{Disposition: "TOOLONG", Source: "x"}, "call_id agent_user disposition source"},
		"an outbound call":                   {id("V2221052110000798236"), ""},
		"a closer's call":                    {id("J7152252510000822239"), ""},
		"a manual call":                      {id("M4050908070000012345"), ""},
		"a repaired transfer":                {id("C1234123450000402027"), ""},
		"a C of another date":                {id("C1234123460000402027"), "call_id"},
		"a telephone number":                 {id("3125551212"), "call_id"},
		"a uniqueid":                         {id("1795343640.42"), "call_id"},
		"an on-hook agent's ring":            {id("RINGAGENT00000000123"), "call_id"},
		"a server's own call":                {id("S1307152248588600051"), "call_id"},
		"two letters":                        {id("VH715225251860005112"), "call_id"},
		"lower case":                         {id("y1221052110000402027"), "call_id"},
		"one digit more":                     {id(callID + "0"), "call_id"},
		"a name with more after a space":     {id(callID + " 1028 TEST"), "call_id"},
		"a newline after the call id":        {id(callID + "\n"), "call_id"},
		"an agent with a space":              {with(func(c *vicicall.Call) { c.AgentUser = "10 28" }), "agent_user"},
		"an agent of 21 characters":          {with(func(c *vicicall.Call) { c.AgentUser = strings.Repeat("1", 21) }), "agent_user"},
		"a disposition beyond ASCII":         {with(func(c *vicicall.Call) { c.Disposition = "É" }), "disposition"},
		"a source with a dash":               {with(func(c *vicicall.Call) { c.Source = "vh-crm" }), "source"},
		"a source of 21 characters":          {with(func(c *vicicall.Call) { c.Source = strings.Repeat("v", 21) }), "source"},
		"a disposition of six with a hyphen": {with(func(c *vicicall.Call) { c.Disposition = "NI-_09" }), ""},
	} {
		if got := fields(t, tt.call.Validate(), vicicall.ErrInvalidCall); got != tt.want {
			t.Errorf("%s: faults in %q, want %q", name, got, tt.want)
		}
	}
}

func TestCredentialsValidateAddress(t *testing.T) {
	t.Parallel()
	for address, ok := range map[string]bool{
		"https://dialer.example.com":              true,
		"https://dialer.example.com:8443/vici/":   true,
		"https://10.0.0.5":                        true,
		"http://127.0.0.1:8080":                   true,
		"http://[::1]:8080":                       true,
		"http://localhost":                        true,
		"http://dialer.example.com":               false,
		"http://10.0.0.5":                         false,
		"http://localhost.example.com":            false,
		"dialer.example.com":                      false,
		"ftp://dialer.example.com":                false,
		"https:dialer.example.com":                false,
		"https:///agc":                            false,
		"https://dialer.example.com:0":            false,
		"https://dialer.example.com:99999":        false,
		"https://6666:S3cret@dialer.example.com":  false,
		"https://dialer.example.com?user=6666":    false,
		"https://dialer.example.com?":             false,
		"https://dialer.example.com#top":          false,
		"https://dialer.example.com#":             false,
		"https://dialer.example.com/agc/api.php":  false,
		"https://dialer.example.com/agc":          false,
		"https://dialer.example.com/a/../b":       false,
		"https://dialer.example.com//":            false,
		"https://dialer.example.com/\nHost: evil": false,
		" https://dialer.example.com":             false,
		"":                                        false,
	} {
		err := credentials(address).Validate()
		if (err == nil) != ok {
			t.Errorf("%q: err = %v, want ok = %v", address, err, ok)
		}
		if err != nil && (fields(t, err, vicicall.ErrInvalidCredentials) != "url" || strings.Contains(err.Error(), "S3cret")) {
			t.Errorf("%q: err = %v", address, err)
		}
	}
}

func TestCredentialsValidate(t *testing.T) {
	t.Parallel()
	const good = "https://dialer.example.com"
	pin := "sha256/" + strings.Repeat("A", 43) + "="
	for name, tt := range map[string]struct {
		c    vicicall.Credentials
		want string
	}{
		"whole":                    {credentials(good), ""},
		"with pins":                {vicicall.Credentials{URLs: []string{good}, User: "6666", Pass: "ab", Pins: []string{pin, pin}}, ""},
		"nothing at all":           {vicicall.Credentials{}, "url user pass"},
		"a bad second address":     {credentials(good, "x"), "url[1]"},
		"characters that go":       {vicicall.Credentials{URLs: []string{good}, User: "66 66", Pass: "S3cret!"}, "user pass"},
		"too long":                 {vicicall.Credentials{URLs: []string{good}, User: strings.Repeat("6", 21), Pass: strings.Repeat("x", 101)}, "user pass"},
		"malformed pins":           {vicicall.Credentials{URLs: []string{good}, User: "6666", Pass: "ab", Pins: []string{pin[7:], pin + "=", "sha256//" + pin[8:], "sha1/AAAA"}}, "tls_pin[0] tls_pin[1] tls_pin[3]"},
		"a blank CA":               {vicicall.Credentials{URLs: []string{good}, User: "6666", Pass: "ab", CA: "\n"}, "ca"},
		"a CA that is no PEM":      {vicicall.Credentials{URLs: []string{good}, User: "6666", Pass: "ab", CA: "MIIB"}, "ca"},
		"a private key for a CA":   {vicicall.Credentials{URLs: []string{good}, User: "6666", Pass: "ab", CA: "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}, "ca"},
		"a CA that was cut inside": {vicicall.Credentials{URLs: []string{good}, User: "6666", Pass: "ab", CA: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}, "ca"},
	} {
		err := tt.c.Validate()
		if got := fields(t, err, vicicall.ErrInvalidCredentials); got != tt.want {
			t.Errorf("%s: faults in %q, want %q", name, got, tt.want)
		}
		if err != nil && (strings.Contains(err.Error(), "S3cret") || strings.Contains(err.Error(), "66 66")) {
			t.Errorf("%s: %v shows a value", name, err)
		}
	}
}

func TestCredentialsRedactThemselves(t *testing.T) {
	t.Parallel()
	c := credentials("https://user:hidden@dialer.example.com/?pass=hidden")
	var shown bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		fmt.Fprintf(&shown, verb+verb+verb, c, &c, struct{ C vicicall.Credentials }{c})
	}
	fmt.Fprint(&shown, c.String())
	slog.New(slog.NewJSONHandler(&shown, nil)).Info("x", "c", c, "p", &c)
	slog.New(slog.NewTextHandler(&shown, nil)).Info("x", "c", c)
	data, err := json.Marshal(map[string]any{"c": c, "p": &c})
	if err != nil {
		t.Fatal(err)
	}
	shown.Write(data)
	for _, secret := range []string{"S3cret", "6666", "hidden", fmt.Sprintf("%x", password)} {
		if strings.Contains(shown.String(), secret) {
			t.Errorf("%q is shown in %s", secret, &shown)
		}
	}
	if !strings.Contains(shown.String(), "dialer.example.com") {
		t.Errorf("the host is not shown in %s", &shown)
	}
	if got := credentials("https://hidden%", "hidden", "https://a:8443/hidden").String(); got != `vicicall.Credentials{?,?,a:8443 version "v1" redacted}` {
		t.Errorf("got %s", got)
	}
}

func TestNeedsNewVICIdial(t *testing.T) {
	t.Parallel()
	for pass, want := range map[string]bool{"S3cret-_": false, "S3cret.": true, "S3cret+": true, "S3cret/": true, "S3cret=": true} {
		if got := (vicicall.Credentials{Pass: pass}).NeedsNewVICIdial(); got != want {
			t.Errorf("%s: %v, want %v", pass, got, want)
		}
	}
}
