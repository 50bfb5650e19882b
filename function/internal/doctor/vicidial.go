package doctor

import (
	"context"
	"strings"
	"sync"
)

// examineVICIdial checks the secret of the API account and each web server in it, and tries the account once at
// the first that answers as VICIdial's agent API.
func (d *Doctor) examineVICIdial(ctx context.Context, r *Report) {
	got, err := fetch(ctx, d.Account)
	if !recordSecret(r, vicidialSecret, got, err) {
		return
	}
	cred := got.Current.Value
	cred.Version = got.Current.ID
	if err := d.VICIdial.Validate(cred); err != nil {
		for line := range strings.Lines(err.Error()) {
			r.add("vicidial_secret", "{cause}", strings.TrimPrefix(strings.TrimSpace(line), "vicicall: "))
		}
		return
	}
	r.Servers = make([]Server, len(cred.URLs))
	found := make([][]Finding, len(cred.URLs))
	var all sync.WaitGroup
	for i, text := range cred.URLs {
		all.Go(func() { r.Servers[i], found[i] = d.examineServer(ctx, newTarget(text), cred) })
	}
	all.Wait()
	first := firstGood(r.Servers)
	for _, of := range found {
		r.Findings = append(r.Findings, downgrade(of, first >= 0)...)
	}
	d.tryAccount(ctx, cred, first, r)
	d.tryLookup(ctx, cred, r)
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
