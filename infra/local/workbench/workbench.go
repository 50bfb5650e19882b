//go:build unix

// Package workbench serves a page that shows the local stack at work: the simulated VICIdial's calls, a signed webhook
// that the reader may spoil in the usual ways, each step that follows, and whether the outcome is true.
//
//	bench, err := workbench.New(workbench.Config{Stack: s, Command: ".build/vicihook", Sources: sources})
//	http.Serve(listener, bench)
//
// It is for one person on one machine. It answers only requests for a loopback name and, for whatever changes something,
// only those of its own page, so that no other site in the browser can use it. Webhook keys stay in the page:
// each request has them, and the command gets them in its environment.
package workbench

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"sync"

	"vicihook/infra/local/stack"
	"vicihook/vicicall/vicitest"
)

// maxRequest is the limit of a request of the page: a body of 256 KiB, escaped in JSON.
const maxRequest = 600 << 10

//go:embed index.html workbench.css workbench.js
var files embed.FS

// Config configures a workbench.
type Config struct {
	Stack   *stack.Stack
	Command string            // path of the vicihook command, which signs and explains
	Sources string            // path of the sources.json that the function has
	Samples map[string]Sample // a payload for each source, see Samples
}

// A Workbench is the page's server.
type Workbench struct {
	cfg     Config
	sources map[string]json.RawMessage
	routes  *http.ServeMux
	sending sync.Mutex // one webhook at a time, so that VICIdial's requests and the log line are its own
	closed  context.Context
	Close   func() // ends the streams of open pages
}

// New returns a workbench for a running stack. The error is that of reading sources.json.
func New(c Config) (*Workbench, error) {
	sources, err := readSources(c.Sources)
	if err != nil {
		return nil, fmt.Errorf("workbench: %w", err)
	}
	w := &Workbench{cfg: c, sources: sources, routes: http.NewServeMux()}
	w.closed, w.Close = context.WithCancel(context.Background())
	w.routes.Handle("GET /", http.FileServerFS(files))
	w.routes.HandleFunc("GET /setup", w.setup)
	w.routes.HandleFunc("GET /calls", w.calls)
	w.routes.HandleFunc("POST /calls", w.addCall)
	w.routes.HandleFunc("POST /send", w.send)
	w.routes.HandleFunc("POST /explain", w.explain)
	return w, nil
}

// ServeHTTP rejects other hosts and other sites before it routes.
func (b *Workbench) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy",
		"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cache-Control", "no-store")
	if !isLoopback(r.Host) {
		fail(w, http.StatusMisdirectedRequest, "this page is served to loopback names only, such as http://127.0.0.1")
		return
	}
	if r.Method == http.MethodPost && !fromOwnPage(r) {
		fail(w, http.StatusForbidden, "only the workbench's own page may post here")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
	b.routes.ServeHTTP(w, r)
}

// isLoopback reports whether a Host header names this machine: another name that resolves here is a rebound one.
func isLoopback(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	return name == "localhost" || net.ParseIP(name).IsLoopback()
}

// fromOwnPage reports whether a post comes from the page. A form of another site can't send JSON, and a browser names
// the site that a script runs in.
func fromOwnPage(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "application/json" && r.Header.Get("Origin") == "http://"+r.Host
}

// setup answers with the page's content.
func (b *Workbench) setup(w http.ResponseWriter, _ *http.Request) {
	first := row{ID: stack.SampleCall, Agent: "1028"}
	rows := b.rows()
	if len(rows) > 0 {
		first = rows[0]
	}
	reply(w, map[string]any{
		"url": b.cfg.Stack.URL, "sources": b.sources, "samples": b.cfg.Samples, "keys": b.cfg.Stack.Keys,
		"sampleCall": stack.SampleCall, "first": first, "simulated": len(rows) > 0, "faults": vicitest.Faults(),
	})
}

// calls streams VICIdial's agents and calls as server-sent events, one at once and one after every change.
func (b *Workbench) calls(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(b.closed, cancel)()
	w.Header().Set("Content-Type", "text/event-stream")
	var last string
	for ctx.Err() == nil {
		text, _ := json.Marshal(b.rows()) // of strings and booleans only
		last = string(text)
		if _, err := fmt.Fprintf(w, "data: %s\n\n", last); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush() // the next write fails if this one did
		_ = b.cfg.Stack.VICIdial.Await(ctx, func() bool {
			text, _ := json.Marshal(b.rows())
			return string(text) != last
		})
	}
}

// A row is a call as the tables of the simulated VICIdial have it.
type row struct {
	ID          string `json:"id"`
	Agent       string `json:"agent"`
	State       string `json:"state"`
	Lead        string `json:"lead"`
	Phone       string `json:"phone"`
	Code        string `json:"code"`
	Listed      bool   `json:"listed"`
	LineUp      bool   `json:"lineUp"`
	Disposition string `json:"disposition"`
}

func (b *Workbench) rows() []row {
	agents := map[string]vicitest.Agent{}
	for _, a := range b.cfg.Stack.VICIdial.Agents() {
		agents[a.User] = a
	}
	rows := []row{}
	for _, c := range b.cfg.Stack.VICIdial.Calls() {
		lead := b.cfg.Stack.VICIdial.LeadOf(c.ID)
		rows = append(rows, row{c.ID, c.Agent, agents[c.Agent].Status, lead.ID, lead.Phone, lead.VendorLeadCode, c.Listed, c.LineUp, c.Disposition})
	}
	return rows
}

// addCall connects agent 1028 or 1029 to a new call in place of the last one.
func (b *Workbench) addCall(w http.ResponseWriter, r *http.Request) {
	var order struct{ Agent string }
	if !read(w, r, &order) {
		return
	}
	server := b.cfg.Stack.VICIdial
	for _, a := range server.Agents() {
		if a.User != order.Agent {
			continue
		}
		if a.CallID != "" {
			server.EndCall(a.CallID)
		}
		id := server.NextCallID('Y')
		server.AddCall(vicitest.Call{ID: id, Agent: a.User, Phone: "312555" + id[len(id)-4:], VendorLeadCode: "T-" + id[len(id)-3:]})
		rows := b.rows()
		reply(w, rows[len(rows)-1])
		return
	}
	fail(w, http.StatusNotFound, "no such agent is logged in")
}

// read decodes a request of the page, or answers why it can't.
func read(w http.ResponseWriter, r *http.Request, into any) bool {
	text, err := io.ReadAll(r.Body)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		fail(w, http.StatusRequestEntityTooLarge, "that is too much: a webhook's body has at most 256 KiB")
		return false
	}
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		fail(w, http.StatusBadRequest, "the request is not the page's: "+err.Error())
		return false
	}
	return true
}

func reply(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // a page that is closed gets nothing
}

func fail(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": why})
}

// A Sample is a payload that a source may send.
type Sample struct {
	ContentType string `json:"contentType"`
	Body        string `json:"body"`
}

// Samples returns the payloads of sample events, by source. Files that are no event of a source are passed over.
func Samples(events fs.FS) map[string]Sample {
	found := map[string]Sample{}
	names, _ := fs.Glob(events, "*.json") // the pattern is good
	for _, name := range names {
		text, err := fs.ReadFile(events, name)
		if err != nil {
			continue
		}
		if source, sample, ok := sampleOf(text); ok && found[source].Body == "" {
			found[source] = sample
		}
	}
	return found
}
