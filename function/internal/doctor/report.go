package doctor

import (
	"slices"
	"strings"
	"time"
)

// A Report is the result of an examination, as JSON.
type Report struct {
	Healthy   bool      `json:"healthy"`  // no finding but warnings
	Verdict   string    `json:"verdict"`  // the first finding in one line, or "healthy"
	Findings  []Finding `json:"findings"` // what to fix: errors before warnings, causes before what they cause
	Secrets   []Secret  `json:"secrets,omitempty"`
	Sources   []Source  `json:"sources,omitempty"`
	Servers   []Server  `json:"servers,omitempty"`
	Account   *Account  `json:"account,omitempty"`
	Lookup    *Account  `json:"lookup,omitempty"` // only if a source finds calls and a web server works
	Deadlines Deadlines `json:"deadlines,omitzero"`
	Version   string    `json:"version,omitempty"` // of the function
	At        time.Time `json:"at"`
}

// A Finding is one fault, with its remedy.
type Finding struct {
	Fault   string `json:"fault"`             // one word that never changes, for example tcp_refused
	Warning bool   `json:"warning,omitempty"` // webhooks are served all the same
	What    string `json:"what"`
	Remedy  string `json:"remedy"`
}

// Line returns the finding in one line.
func (f Finding) Line() string { return f.What + ". " + f.Remedy }

// A Secret describes the current version of one of the two secrets.
type Secret struct {
	Name    string     `json:"name"` // the setting that names it: WEBHOOK_SECRET_ARN
	Version string     `json:"version,omitempty"`
	Put     *time.Time `json:"put,omitempty"`
	Problem string     `json:"problem,omitempty"`
}

// A Source describes a source and the state of its keys.
type Source struct {
	Name     string `json:"name"`
	Scheme   string `json:"scheme"` // the preset's name, or the kind of a scheme of its own
	State    string `json:"state"`  // ready, paused, disabled, or no key
	Why      string `json:"why,omitempty"`
	Keys     int    `json:"keys"`
	Previous int    `json:"previous_keys,omitempty"` // of the secret's previous version, still valid
	DryRun   bool   `json:"dry_run,omitempty"`
}

// A Server describes one web server of VICIdial.
type Server struct {
	Host         string       `json:"host"`                // with scheme and port
	Addresses    []string     `json:"addresses,omitempty"` // by DNS
	From         string       `json:"from,omitempty"`      // this side of the connection; VICIdial sees another behind a NAT
	Certificate  *Certificate `json:"certificate,omitempty"`
	VICIdial     string       `json:"vicidial,omitempty"` // version of its agent API; empty = it does not answer as one
	Build        string       `json:"build,omitempty"`
	ClockSeconds *int         `json:"clock_seconds,omitempty"` // how far its clock is ahead
	ConnectMS    int64        `json:"connect_ms,omitempty"`
	VersionMS    int64        `json:"version_ms,omitempty"`
}

// A Certificate describes the certificate of a web server.
type Certificate struct {
	Subject  string    `json:"subject"`
	Issuer   string    `json:"issuer"`
	Names    []string  `json:"names,omitempty"`
	NotAfter time.Time `json:"not_after"`
	DaysLeft int       `json:"days_left"`
	Pin      string    `json:"pin"`        // for tls_pin of VICIdial's secret
	Trust    string    `json:"trusted_by"` // public roots, ca, tls_pin, or nothing
}

// An Account is the result of trying an account.
type Account struct {
	Outcome   string `json:"outcome,omitempty"` // agent_not_logged_in is good; empty: it was not tried
	Message   string `json:"message"`
	Reply     string `json:"reply,omitempty"`
	Tries     int    `json:"tries"` // 0: not tried, or refused before
	ElapsedMS int64  `json:"elapsed_ms,omitempty"`
}

// Deadlines are nested time limits: the function's own, each source's budget, and VICIdial's answer.
type Deadlines struct {
	FunctionMS int64 `json:"function_ms,omitempty"` // what was left of Lambda's timeout; 0 = not run by Lambda
	BudgetMS   int64 `json:"budget_ms,omitempty"`   // REQUEST_BUDGET
	LongestMS  int64 `json:"longest_ms,omitempty"`  // the longest budget of a source
	ShortestMS int64 `json:"shortest_ms,omitempty"` // the shortest
	VICIdialMS int64 `json:"vicidial_ms,omitempty"` // one answer about the account
}

func (r *Report) add(fault string, words ...string) {
	r.Findings = append(r.Findings, newFinding(fault, words...))
}

// addLines adds a finding for each line of err, without the prefix that all of them have.
func (r *Report) addLines(fault string, err error, prefix string) {
	for line := range strings.Lines(err.Error()) {
		r.add(fault, "{cause}", strings.TrimPrefix(strings.TrimSpace(line), prefix))
	}
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// finish sorts errors before warnings, and sets the verdict.
func (r Report) finish() Report {
	order := map[bool]int{true: 1} // of Warning
	slices.SortStableFunc(r.Findings, func(a, b Finding) int { return order[a.Warning] - order[b.Warning] })
	r.Healthy, r.Verdict = true, "healthy"
	if len(r.Findings) > 0 {
		r.Healthy, r.Verdict = r.Findings[0].Warning, r.Findings[0].Line()
	}
	return r
}
