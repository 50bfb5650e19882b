//go:build unix

package systemtest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"vicihook/infra/local/stack"
	"vicihook/vicicall/vicitest"
)

// What must not leak: VICIdial's password as it is, stripped as older versions echo it, encoded, and in upper or lower case;
// the webhook key; the members of a payload and the headers that nothing selects.
const (
	taintedPass = "Ta.int+Ed/Pass=9"
	taint       = "TAINTmarker"
)

var taints = []string{taintedPass, url.QueryEscape(taintedPass), "TaintEdPass9", oldKey, "old key of the crm", taint}

// newTaintedFixture returns a fixture with a recognizable password and key.
func newTaintedFixture(t *testing.T, c stack.Config) *fixture {
	t.Helper()
	c.Keys = map[string]string{"crm": oldKey}
	if c.Account == nil {
		c.Account = map[string]any{}
	}
	c.Account["pass"] = taintedPass
	b := newFixture(t, c)
	account(func(u *vicitest.User) { u.Pass = taintedPass })(t, b)
	return b
}

// sendTainted sends a webhook and checks that the answer leaks nothing.
func (b *fixture) sendTainted(t *testing.T, what string, d *delivery) answer {
	t.Helper()
	got := b.post(t, d)
	_ = json.Unmarshal([]byte(got.body), &got) // a front's own answer may be no JSON
	assertClean(t, what, fmt.Sprint(got.header, got.body), d)
	return got
}

func (b *fixture) assertCleanLogs(t *testing.T, of ...*delivery) {
	t.Helper()
	for _, line := range b.Logs() {
		assertClean(t, "log", line, of...)
	}
}

func assertClean(t *testing.T, what, shown string, of ...*delivery) {
	t.Helper()
	inside := taints
	for _, d := range of {
		for _, signature := range d.header["webhook-signature"] {
			if _, mac, _ := strings.Cut(signature, ","); mac != "" {
				inside = append(inside[:len(inside):len(inside)], mac)
			}
		}
	}
	for _, secret := range inside {
		if strings.Contains(strings.ToLower(shown), strings.ToLower(secret)) {
			t.Errorf("%s: %q shows in %s", what, secret, shown)
		}
	}
}

// tainted adds a member that no expression selects.
func tainted(payload string) string {
	return strings.Replace(payload, "{", `{"`+taint+`":"`+taint+`",`, 1)
}

const maxBody = 256 << 10

// payloads are signed but name no valid call, each with a taint in the invalid part.
func payloads(call string) map[string]string {
	field := func(name, value string) string {
		good := map[string]string{"call_id": `"` + call + `"`, "agent_user": `"1028"`, "disposition": `"SALE"`}
		good[name] = value
		return fmt.Sprintf(`{"call_id":%s,"agent_user":%s,"disposition":%s}`, good["call_id"], good["agent_user"], good["disposition"])
	}
	all := map[string]string{
		"no JSON":               taint,
		"nothing":               "",
		"JSON that is cut":      `{"` + taint + `":"` + taint,
		"text after the JSON":   payloadOf(call) + taint,
		"two members of a name": `{"call_id":"` + taint + `","call_id":"` + taint + `"}`,
		"a list":                `["` + taint + `"]`,
		"a string":              `"` + taint + `"`,
		"not UTF-8":             "{\"call_id\":\"" + taint + "\xff\"}",
		"half a surrogate":      `{"call_id":"` + taint + `\ud800"}`,
		"a NUL":                 field("call_id", `"`+taint+`\u0000"`),
		"deep lists":            strings.Repeat("[", maxBody),
		"deep objects":          strings.Repeat(`{"a":`, maxBody/5),
		"deep and closed":       strings.Repeat("[", maxBody/2) + strings.Repeat("]", maxBody/2),
		"many members":          `{"a":[` + strings.Repeat("1,", maxBody/2-10) + `1]}`,
		"a long string":         field("call_id", `"`+strings.Repeat(taint, maxBody/20)+`"`),
		"a long number":         field("call_id", strings.Repeat("9", maxBody-100)),
	}
	for _, name := range []string{"call_id", "agent_user", "disposition"} {
		for _, value := range []string{
			`"` + taint + ` ` + taint + `"`, `{"` + taint + `":1}`, `["` + taint + `"]`, "null", "true", `""`, "1e999", "-1", "0.1", "1e400",
			"9223372036854775808", "-9223372036854775809", "18446744073709551616", "123456789012345678901234567890",
		} {
			all[fmt.Sprintf("%s of %.30s", name, value)] = field(name, value)
		}
	}
	return all
}

// harmless are valid agents or dispositions.
var harmless = map[string]string{"agent_user of -1": "agent_user", "disposition of -1": "disposition"}

func TestNoPayloadLeaks(t *testing.T) {
	t.Parallel()
	b := newTaintedFixture(t, stack.Config{})
	sent := 0
	for name, payload := range payloads(b.call) {
		if _, ok := harmless[name]; ok {
			continue
		}
		sent++
		d := b.delivery(t, "crm", payload)
		d.contentType = "application/octet-stream" // so that the gateway hands on what is no text
		got := b.sendTainted(t, name, d)
		if got.Outcome != "invalid_request" && got.Outcome != "agent_not_logged_in" {
			t.Errorf("%s: got %.300s", name, got.body)
		}
	}
	b.assertCleanLogs(t)
	if got := b.sendTainted(t, "at last", b.delivery(t, "crm", tainted(payloadOf(b.call)))); got.Outcome != "hungup" {
		t.Errorf("after %d payloads: got %s", sent, got.body)
	}
}

// headers have a taint each.
var headers = map[string]map[string]string{
	"a signature of text":          {"webhook-signature": "v1," + taint},
	"a signature of another kind":  {"webhook-signature": taint},
	"signatures without end":       {"webhook-signature": strings.Repeat("v1,"+strings.Repeat("A", 43)+"= ", 150)},
	"a time of text":               {"webhook-timestamp": taint},
	"the largest time":             {"webhook-timestamp": "9223372036854775807"},
	"a time beyond the largest":    {"webhook-timestamp": "9223372036854775808"},
	"the smallest time":            {"webhook-timestamp": "-9223372036854775808"},
	"a time of 1,000 digits":       {"webhook-timestamp": strings.Repeat("9", 1000)},
	"a hexadecimal time":           {"webhook-timestamp": "0x7fffffff"},
	"a time with a fraction":       {"webhook-timestamp": "1.7e9"},
	"an empty time":                {"webhook-timestamp": ""},
	"an id of text":                {"webhook-id": taint},
	"an id of 4 KiB":               {"webhook-id": strings.Repeat("x", 4<<10)},
	"a password":                   {"authorization": "Basic " + taint},
	"a content type of text":       {"content-encoding": taint, "x-forwarded-for": taint, "cookie": taint},
	"headers just below the limit": {"x-long": strings.Repeat("x", 9000)},
}

func TestNoHeaderLeaks(t *testing.T) {
	t.Parallel()
	b := newTaintedFixture(t, stack.Config{})
	for name, wrong := range headers {
		d := b.delivery(t, "crm", tainted(payloadOf(b.call)))
		d.body[3] ^= 1
		for header, value := range wrong {
			d.header[header] = []string{value}
		}
		if got := b.sendTainted(t, name, d); got.status != http.StatusUnauthorized {
			t.Errorf("%s: got %d %s", name, got.status, got.body)
		}
	}
	d := b.delivery(t, "crm", tainted(payloadOf(b.call)))
	d.source = taint
	if got := b.sendTainted(t, "a source of text", d); got.status != http.StatusUnauthorized {
		t.Errorf("a source of text: got %s", got.body)
	}
	b.assertCleanLogs(t)
}

// The gateway itself answers these.
func TestTooLargeBodies(t *testing.T) {
	t.Parallel()
	b := newTaintedFixture(t, stack.Config{})
	d := b.delivery(t, "crm", payloadOf(b.call))
	d.header["x-long"] = []string{strings.Repeat(taint, 1000)}
	if got := b.sendTainted(t, "11 KB of headers", d); got.status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("11 KB of headers: got %d %s", got.status, got.body)
	}
	for size, want := range map[int]int{maxBody: http.StatusUnprocessableEntity, maxBody + 1: http.StatusRequestEntityTooLarge, 7 << 20: http.StatusRequestEntityTooLarge} {
		d := b.delivery(t, "crm", strings.Repeat(taint, size/len(taint)+1)[:size])
		if got := b.sendTainted(t, fmt.Sprint(size, " bytes"), d); got.status != want {
			t.Errorf("%d bytes: got %d %s", size, got.status, got.body)
		}
	}
	b.assertCleanLogs(t)
}

// A *url.Error would quote the address, whose path may be secret.
func TestNoNetworkErrorLeaksASecret(t *testing.T) {
	t.Parallel()
	distrusted := func(t *testing.T) string {
		vicidial := vicitest.NewTLSServer(vicitest.Config{}, vicitest.SelfSigned(vicitest.Cert{Hosts: []string{"127.0.0.1"}}))
		t.Cleanup(vicidial.Close)
		return vicidial.URL
	}
	for name, where := range map[string]func(*testing.T) string{
		"dead": dead, "mute": mute, "unresolvable": unresolvable, "redirecting": redirecting, "distrusted": distrusted,
		"speaking no TLS": func(t *testing.T) string { return strings.Replace(redirecting(t), "http:", "https:", 1) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newTaintedFixture(t, stack.Config{Account: map[string]any{"url": where(t) + "/" + taint}, Env: map[string]string{"REQUEST_BUDGET": "1s"}})
			d := b.delivery(t, "crm", tainted(payloadOf(b.call)))
			if got := b.sendTainted(t, name, d); got.status < 500 {
				t.Errorf("got %s", got.body)
			}
			b.assertCleanLogs(t, d)
		})
	}
}
