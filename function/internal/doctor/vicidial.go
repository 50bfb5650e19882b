package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"vicihook/vicicall"
)

// maxClock is how far VICIdial's clock may be off before a report warns.
const maxClock = time.Minute

// examineVICIdial looks at the API account's secret, at each web server that it names, and tries the account once at
// the first that answers as VICIdial's agent API.
func (d *Doctor) examineVICIdial(ctx context.Context) (e examination) {
	got, err := fetch(ctx, d.Account)
	if !examined(&e, vicidialSecret, got, err) {
		return e
	}
	cred := got.Current.Value
	cred.Version = got.Current.ID
	if err := d.VICIdial.Validate(cred); err != nil {
		e.findings = append(e.findings, unusable(err)...)
		return e
	}
	e.servers = make([]Server, len(cred.URLs))
	found := make([][]Finding, len(cred.URLs))
	var all sync.WaitGroup
	for i, text := range cred.URLs {
		all.Go(func() { e.servers[i], found[i] = d.examineServer(ctx, newTarget(text), cred) })
	}
	all.Wait()
	first := firstGood(e.servers)
	for _, of := range found {
		e.findings = append(e.findings, lessened(of, first >= 0)...)
	}
	d.tryAccount(ctx, cred, first, &e)
	return e
}

// unusable gives each fault of the API account's fields; each names its remedy.
func unusable(err error) []Finding {
	var found []Finding
	for line := range strings.Lines(err.Error()) {
		found = append(found, Finding{Fault: "vicidial_secret",
			What:   "VICIdial's secret: " + strings.TrimPrefix(strings.TrimSpace(line), "vicicall: "),
			Remedy: "Put a corrected value; function/docs/reference.md shows its form"})
	}
	return found
}

func firstGood(servers []Server) int {
	for i, s := range servers {
		if s.good {
			return i
		}
	}
	return -1
}

// lessened makes warnings of the faults of one web server while another serves.
func lessened(found []Finding, served bool) []Finding {
	for i := range found {
		found[i].Warning = found[i].Warning || served
	}
	return found
}

func (d *Doctor) examineServer(ctx context.Context, t target, cred vicicall.Credentials) (Server, []Finding) {
	s := Server{Host: t.shown}
	found := d.reach(ctx, t, cred, &s)
	if len(found) > 0 && !found[0].Warning {
		return s, found
	}
	ctx, cancel := context.WithTimeout(ctx, versionLimit)
	defer cancel()
	one := cred
	one.URLs = []string{t.url}
	began := time.Now()
	v, err := d.VICIdial.Version(ctx, one)
	s.VersionMS = time.Since(began).Milliseconds()
	if err != nil {
		return s, append(found, notVICIdial(t, err))
	}
	s.good, s.VICIdial, s.Build = true, v.Version, v.Build
	ahead := v.Time.Add(time.Second / 2).Sub(d.now()).Round(time.Second) // VICIdial cuts its time to the second
	seconds := int(ahead.Seconds())
	s.ClockSeconds = &seconds
	if ahead.Abs() > maxClock {
		found = append(found, Finding{Fault: "clock", Warning: true,
			What:   fmt.Sprintf("the clock of %s is %s %s", t.shown, ahead.Abs().Round(10*time.Second), map[bool]string{true: "ahead", false: "behind"}[ahead > 0]),
			Remedy: "Let VICIdial's machines and this one keep time by NTP: call ids, lockouts and logs go by it"})
	}
	return s, found
}

// notVICIdial tells what answered in place of an agent API. The client's error holds nothing of the answer but its
// status, length and well-known phrases.
func notVICIdial(t target, err error) Finding {
	failed, ok := errors.AsType[*vicicall.Error](err)
	if !ok {
		failed = &vicicall.Error{Outcome: vicicall.Unavailable, Message: err.Error()}
	}
	what := t.shown + ": " + failed.Message
	switch {
	case failed.Outcome == vicicall.Misconfigured:
		return Finding{Fault: "redirect", What: what, Remedy: "Put that address as url into VICIdial's secret"}
	case failed.Outcome == vicicall.TLSUntrusted:
		return Finding{Fault: "tls_untrusted", What: what, Remedy: "Put ca or tls_pin into VICIdial's secret"}
	case failed.Outcome == vicicall.Unavailable:
		return Finding{Fault: "vicidial_down", What: what, Remedy: "On VICIdial's machine look whether its database runs and has connections left, and at the web server's error log"}
	case strings.Contains(failed.Message, "HTTP 404"):
		return Finding{Fault: "wrong_path", What: what, Remedy: "Let url in VICIdial's secret end before /agc/api.php, with the path that stands before it, if any"}
	case strings.Contains(failed.Message, "HTTP 401"), strings.Contains(failed.Message, "HTTP 403"), strings.Contains(failed.Message, "HTTP 429"):
		return Finding{Fault: "web_server_refuses", What: what, Remedy: "Let the function's fixed address through: Apache's Require, ViciBox's dynamic portal, or the proxy before VICIdial"}
	}
	return Finding{Fault: "not_vicidial", What: what, Remedy: "Correct url in VICIdial's secret: it must lead to VICIdial's web server, with nothing before it that answers by itself"}
}
