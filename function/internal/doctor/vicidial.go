package doctor

import (
	"context"
	"strings"
	"sync"
)

// examineVICIdial looks at the API account's secret, at each web server that it names, and tries the account once at
// the first that answers as VICIdial's agent API.
func (d *Doctor) examineVICIdial(ctx context.Context) (e part) {
	got, err := fetch(ctx, d.Account)
	if !recordSecret(&e, vicidialSecret, got, err) {
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
		e.findings = append(e.findings, downgrade(of, first >= 0)...)
	}
	d.tryAccount(ctx, cred, first, &e)
	d.tryLookup(ctx, cred, &e)
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

// downgrade turns the faults of one web server into warnings while another works.
func downgrade(found []Finding, served bool) []Finding {
	for i := range found {
		found[i].Warning = found[i].Warning || served
	}
	return found
}
