package hangup_test

import (
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"vicihook/function/internal/hangup"
	"vicihook/vicicall"
	"vicihook/vicicall/vicitest"
)

// taints must not be in an answer or the log: VICIdial's password as it is, stripped as older versions echo it, encoded,
// and in any case; the webhook key; the other members of a payload. deliverTainted adds the signature.
const (
	taintedPass = "Ta.int+Ed/Pass=9"
	taintedBody = "BODYtaint"
)

var taints = []string{
	taintedPass, url.QueryEscape(taintedPass), "TaintEdPass9", hex.EncodeToString([]byte(taintedPass)),
	vicitest.DefaultPass, goodKey, taintedBody,
}

// deliverTainted sends a signed webhook with a tainted payload, and checks that neither answer nor log has a taint.
func (d *fixture) deliverTainted(t *testing.T, what, call string) hangup.Report {
	t.Helper()
	payload := strings.Replace(payloadOf(call), "{", `{"note":"`+taintedBody+`",`, 1)
	var signature string
	answer, report := d.deliver(t, "crm", payload, func(r *hangup.Request) {
		_, signature, _ = strings.Cut(r.Webhook.Header["webhook-signature"][0], ",")
	})
	shown := strings.ToLower(fmt.Sprintf("%v\n%s\n%s", answer.Header, answer.Body, d.log.String()))
	for _, taint := range append([]string{signature}, taints...) {
		if taint == "" || strings.Contains(shown, strings.ToLower(taint)) {
			t.Errorf("%s: %q shows in %s", what, taint, shown)
		}
	}
	return report
}

// observedCall is the call of the observed replies.
const observedCall = "Y1221052110000402027"

func TestLeaksNothingOfObservedReplies(t *testing.T) {
	t.Parallel()
	observations := vicitest.Observations()
	if len(observations) < 200 {
		t.Fatalf("only %d observations", len(observations))
	}
	var all sync.WaitGroup // not t.Parallel: most of them wait between two CHECKs
	defer all.Wait()
	slots := make(chan struct{}, 32)
	for _, o := range observations {
		d := newFixture(t)
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			if err := d.vicidial.Inject(vicitest.Observed(o.Version, o.Condition)); err != nil {
				t.Error(err)
			}
			d.vicidial.AddCall(vicitest.Call{ID: observedCall, Agent: "1028"})
			d.deliverTainted(t, o.Version+", "+o.Condition, observedCall)
		})
	}
}

// refusedAccounts are accounts whose password VICIdial may echo.
var refusedAccounts = map[string]func(*vicitest.User){
	"another password":    func(u *vicitest.User) { u.Pass = "another" },
	"a locked account":    func(u *vicitest.User) { u.FailedLogins, u.LastLogin = 10, 1<<40 },
	"an inactive account": func(u *vicitest.User) { u.Active = false },
	"no agent API access": func(u *vicitest.User) { u.AgentAPI = false },
	"another language":    func(u *vicitest.User) { u.Words = vicitest.Spanish() },
	"a password in the other case": func(u *vicitest.User) {
		u.Pass, u.AgentAPI = strings.ToUpper(taintedPass), false
	},
}

func TestLeaksNoPasswordOfARefusedAccount(t *testing.T) {
	t.Parallel()
	for name, change := range refusedAccounts {
		for _, settings := range []vicitest.Settings{{}, {NoServers: true}} {
			d := newFixture(t)
			vicidial := vicitest.NewServer(vicitest.Config{Settings: settings})
			defer vicidial.Close()
			u := vicitest.APIUser(vicitest.DefaultUser, taintedPass)
			change(&u)
			vicidial.AddUser(u)
			d.account.account.URLs, d.account.account.Pass = []string{vicidial.URL}, taintedPass
			what := fmt.Sprintf("%s, %+v", name, settings)
			if report := d.deliverTainted(t, what, d.call); report.Outcome == vicicall.HungUp || report.Attempts == 0 {
				t.Errorf("%s: got %s: no refusal", what, report.Outcome)
			}
		}
	}
}
