//go:build unix

// Package stack runs the function with all that it needs on this machine: the HTTP front of API Gateway, Lambda with the
// function's own bootstrap, Secrets Manager, and a simulated VICIdial with two live calls.
//
//	s, err := stack.Start(ctx, stack.Config{Bootstrap: ".build"})
//	defer s.Stop()
//	http.Post(s.URL+"/webhooks/crm", "application/json", body)
//
//	sender ──▶ front (apigw) ──▶ bootstrap (runtimeapi) ──▶ VICIdial (vicitest)
//	                                   └──▶ Secrets Manager (secretsmanager)
//
// The function is the shipped binary, unchanged; its environment names these addresses.
//
// GET [StatePath] on the front, a path that AWS does not have, returns every call of VICIdial's tables:
//
//	{"calls":[{"id":"Y1122130455000402027","agent":"1028","listed":false,"line_up":false,"disposition":"SALE"}]}
package stack

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"vicihook/function/event"
	"vicihook/infra/local/apigw"
	"vicihook/infra/local/runtimeapi"
	"vicihook/infra/local/secretsmanager"
	"vicihook/vicicall/vicitest"
)

// StatePath is where the front returns the calls of VICIdial's tables.
const StatePath = "/local/state"

// SampleCall is the call of agent 1028, the one that the sample events end.
const SampleCall = "Y1122131500000402027"

// maxLogs is the limit of Logs, in lines.
const maxLogs = 100_000

// Config configures a stack. Only Bootstrap is required.
type Config struct {
	Bootstrap    string                 // folder with bootstrap and sources.json, as Build leaves it
	SourcesFile  string                 // in place of the folder's sources.json
	Env          map[string]string      // variables of the function; they win over those that the stack sets
	Keys         map[string]string      // webhook keys by source; default: Key for every source
	Key          string                 // default: a random one that every scheme takes
	Account      map[string]any         // members of VICIdial's secret; they win over url, user and pass of the simulated one
	External     bool                   // VICIdial is a real one, that Account names: none is simulated
	VICIdial     *vicitest.Server       // default: a new one, with the lines 1028 and 1029 of a remote agent in a call each
	Secrets      *secretsmanager.Server // default: a new one
	SecretsURL   string                 // another Secrets Manager, for example moto's, in place of Secrets
	Front        event.Front            // default event.HTTPAPI
	Listen       string                 // host:port of the front, and host of the rest; default 127.0.0.1:0
	Host         string                 // name by which a function elsewhere reaches the rest; default the host of Listen
	Timeout      time.Duration          // the function's; default 10 s
	MaxInstances int                    // default 10
	Log          func(line string)      // gets every line of the function as it comes
	OnStep       func(runtimeapi.Step)  // see runtimeapi.Config
}

// A Stack runs until Stop.
type Stack struct {
	URL               string                 // senders post to URL + "/webhooks/" + source
	StateURL          string                 // where StatePath is
	VICIdial          *vicitest.Server       // the one of the Config, or its own
	Secrets           *secretsmanager.Server // nil when the Config gave a SecretsURL
	SecretsURL        string
	WebhookSecretARN  string
	VICIdialSecretARN string
	Keys              map[string]string // webhook keys by source

	cfg      Config
	function *runtimeapi.Function
	gateway  http.Handler
	stops    []func() // in the order of starting

	mu   sync.Mutex
	logs []string
}

// Start starts everything but the function itself, whose instances start with the first events. ctx bounds the start
// only. What was started is stopped again when it fails.
func Start(ctx context.Context, c Config) (*Stack, error) {
	c.Listen = cmp.Or(c.Listen, "127.0.0.1:0")
	s := &Stack{VICIdial: c.VICIdial, Secrets: c.Secrets, SecretsURL: c.SecretsURL, Keys: maps.Clone(c.Keys), cfg: c}
	if err := s.start(ctx); err != nil {
		s.Stop()
		return nil, fmt.Errorf("stack: %w", err)
	}
	return s, nil
}

func (s *Stack) start(ctx context.Context) error {
	host, _, err := net.SplitHostPort(s.cfg.Listen)
	if err != nil {
		return fmt.Errorf("address to listen on: %w", err)
	}
	sources, err := sourceNames(cmp.Or(s.cfg.SourcesFile, filepath.Join(s.cfg.Bootstrap, "sources.json")))
	if err != nil {
		return err
	}
	anywhere := net.JoinHostPort(host, "0")
	if err := s.startVICIdial(anywhere); err != nil {
		return err
	}
	if err := s.startSecrets(anywhere); err != nil {
		return err
	}
	if err := s.createSecrets(ctx, sources); err != nil {
		return err
	}
	front, err := net.Listen("tcp", s.cfg.Listen)
	if err != nil {
		return err
	}
	s.stops = append(s.stops, func() { _ = front.Close() })
	s.URL = "http://" + front.Addr().String()
	s.StateURL = s.URL + StatePath
	if s.cfg.Front == event.REST {
		s.URL += "/" + event.RESTStage
	}
	return s.startFunction(front)
}

func (s *Stack) startVICIdial(address string) error {
	if s.VICIdial != nil {
		return nil
	}
	if s.cfg.External {
		s.VICIdial = vicitest.New(vicitest.Config{}) // listens nowhere and has no calls
		s.stops = append(s.stops, s.VICIdial.Close)
		return nil
	}
	server, err := vicitest.Listen(address, vicitest.Config{})
	if err != nil {
		return err
	}
	s.VICIdial = server
	s.stops = append(s.stops, server.Close)
	server.AddRemoteAgent(1028, 2)
	server.AddCall(vicitest.Call{ID: SampleCall, Agent: "1028", Phone: "3125551212", VendorLeadCode: "T-1"})
	server.AddCall(vicitest.Call{ID: server.NextCallID('Y'), Agent: "1029", Phone: "3125551313", VendorLeadCode: "T-2"})
	return nil
}

func (s *Stack) startSecrets(address string) error {
	if s.SecretsURL != "" {
		return nil
	}
	if s.Secrets == nil {
		server, err := secretsmanager.NewServer(secretsmanager.Config{Addr: address})
		if err != nil {
			return err
		}
		s.Secrets = server
		s.stops = append(s.stops, func() { _ = server.Close() })
	}
	s.SecretsURL = s.Secrets.URL
	return nil
}

func (s *Stack) startFunction(front net.Listener) error {
	env := s.FunctionEnv()
	env["AWS_ENDPOINT_URL_SECRETS_MANAGER"] = s.SecretsURL
	env["PUBLIC_URL"] = s.URL
	if s.cfg.SourcesFile != "" {
		path, err := filepath.Abs(s.cfg.SourcesFile)
		if err != nil {
			return err
		}
		env["SOURCES_FILE"] = path
	}
	maps.Copy(env, s.cfg.Env)
	function, err := runtimeapi.New(runtimeapi.Config{
		TaskRoot:     s.cfg.Bootstrap,
		Env:          env,
		Timeout:      s.cfg.Timeout,
		MaxInstances: s.cfg.MaxInstances,
		Log:          s.keep,
		OnStep:       s.cfg.OnStep,
	})
	if err != nil {
		return err
	}
	s.function = function
	s.stops = append(s.stops, function.Stop)
	s.gateway = apigw.New(apigw.Config{Front: s.cfg.Front, Invoke: s.invoke})
	server := apigw.NewServer(s)
	go func() { _ = server.Serve(front) }() // ends with ErrServerClosed
	s.stops = append(s.stops, func() { _ = server.Close() })
	return nil
}

// FunctionEnv returns the variables with which a function reaches the stack's secrets, also from another network.
func (s *Stack) FunctionEnv() map[string]string {
	return map[string]string{
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": s.reachable(s.SecretsURL),
		"VICIDIAL_ALLOW_HTTP":              "true", // needed for any address but loopback
		"VICIDIAL_SECRET_ARN":              s.VICIdialSecretARN,
		"WEBHOOK_SECRET_ARN":               s.WebhookSecretARN,
	}
}

// reachable returns an address of the stack as a function elsewhere reaches it.
func (s *Stack) reachable(address string) string {
	u, err := url.Parse(address)
	if err != nil || s.cfg.Host == "" {
		return address
	}
	u.Host = net.JoinHostPort(s.cfg.Host, u.Port())
	return u.String()
}

// invoke runs one event of the front. The cause of a function's failure goes to the log, as AWS sends none to the sender.
func (s *Stack) invoke(ctx context.Context, event []byte) ([]byte, error) {
	result, err := s.Invoke(ctx, event)
	if errors.Is(err, runtimeapi.ErrThrottled) {
		return nil, apigw.ErrThrottled
	}
	if err == nil && result.FunctionError {
		return nil, apigw.ErrFunction
	}
	return result.Payload, err
}

// Invoke runs one event as if a gateway had made it. See [runtimeapi.Function.Invoke] for the errors.
func (s *Stack) Invoke(ctx context.Context, event []byte) (runtimeapi.Result, error) {
	result, err := s.function.Invoke(ctx, event)
	if err == nil && result.FunctionError {
		s.keep("the function failed: " + string(result.Payload))
	}
	return result, err
}

// Logs returns the lines that the function has printed, and the errors of invocations that failed. The lines of a webhook
// are there when its answer is.
func (s *Stack) Logs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.logs)
}

func (s *Stack) keep(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.logs) == maxLogs {
		s.logs = slices.Delete(s.logs, 0, maxLogs/2)
	}
	s.logs = append(s.logs, line)
	if s.cfg.Log != nil {
		s.cfg.Log(line)
	}
}

// ServeHTTP is the front: the gateway, and beside it the calls of VICIdial's tables at [StatePath].
func (s *Stack) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet || r.URL.Path != StatePath {
		s.gateway.ServeHTTP(w, r)
		return
	}
	type call struct {
		ID          string `json:"id"`
		Agent       string `json:"agent"`
		Listed      bool   `json:"listed"`      // vicidial_auto_calls has the row
		LineUp      bool   `json:"line_up"`     // the telephone line is connected
		Disposition string `json:"disposition"` // empty while nothing is booked
	}
	calls := []call{}
	for _, c := range s.VICIdial.Calls() {
		calls = append(calls, call{c.ID, c.Agent, c.Listed, c.LineUp, c.Disposition})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"calls": calls}) // a reader that is gone gets nothing
}

// Stop ends everything that Start started, instances of the function included. Servers that the Config gave go on.
func (s *Stack) Stop() {
	for _, stop := range slices.Backward(s.stops) {
		stop()
	}
	s.stops = nil
}

// Env returns the addresses and keys for a program that uses the stack, as NAME=value.
func (s *Stack) Env() []string {
	source := s.firstSource()
	env := []string{
		"VICIHOOK_URL=" + s.URL,
		"VICIHOOK_KEY=" + s.Keys[source],
		"VICIHOOK_SOURCE=" + source,
		"AWS_ENDPOINT_URL_SECRETS_MANAGER=" + s.SecretsURL,
		"AWS_REGION=" + secretsmanager.Region,
		"AWS_ACCESS_KEY_ID=" + accessKey,
		"AWS_SECRET_ACCESS_KEY=" + accessKey,
		"WEBHOOK_SECRET_ARN=" + s.WebhookSecretARN,
		"VICIDIAL_SECRET_ARN=" + s.VICIdialSecretARN,
	}
	if s.cfg.External {
		return env
	}
	call := s.firstCall()
	lead := s.VICIdial.LeadOf(call.ID)
	return append(env,
		"VICIHOOK_CALL_ID="+call.ID,
		"VICIHOOK_AGENT_USER="+call.Agent,
		"VICIHOOK_LEAD_ID="+lead.ID,
		"VICIHOOK_PHONE="+lead.Phone,
		"VICIDIAL_URL="+s.VICIdial.URL,
		"VICIDIAL_USER="+vicitest.DefaultUser,
		"VICIDIAL_PASS="+vicitest.DefaultPass,
		"VICIDIAL_LOOKUP_USER="+vicitest.DefaultLookupUser,
		"VICIDIAL_LOOKUP_PASS="+vicitest.DefaultLookupPass,
	)
}

// firstCall is the first call that a remote agent is in; the zero value when there is none.
func (s *Stack) firstCall() vicitest.CallState {
	for _, call := range s.VICIdial.Calls() {
		if call.Listed && call.Agent != "" {
			return call
		}
	}
	return vicitest.CallState{}
}

// firstSource is crm, the source of the examples, or the first one there is.
func (s *Stack) firstSource() string {
	names := slices.Sorted(maps.Keys(s.Keys))
	if slices.Contains(names, "crm") || len(names) == 0 {
		return "crm"
	}
	return names[0]
}
