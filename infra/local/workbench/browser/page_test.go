// Package browser_test uses the page of `make serve` in headless Chromium, as a person would.
package browser_test

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// stepTimeout is the limit of one step of the browser.
const stepTimeout = 60 * time.Second

type action = chromedp.Action[chromedp.Void]

// address is where the page is.
var address string

func TestMain(m *testing.M) { os.Exit(serveAndRun(m)) }

// serveAndRun starts `make serve` and runs the tests on its page.
func serveAndRun(m *testing.M) int {
	serve := exec.Command("make", "-s", "-C", filepath.Join("..", "..", "..", ".."), "serve")
	serve.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, in := io.Pipe()
	serve.Stdout, serve.Stderr = in, in
	if err := serve.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "make serve:", err)
		return 1
	}
	defer func() {
		_ = syscall.Kill(-serve.Process.Pid, syscall.SIGINT)
		_ = serve.Wait()
	}()
	lines := bufio.NewScanner(out)
	for address == "" && lines.Scan() {
		if _, rest, ok := strings.Cut(lines.Text(), "http://"); ok && strings.HasPrefix(lines.Text(), "workbench") {
			address = "http://" + strings.Fields(rest)[0]
		}
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // the function's log
	return m.Run()
}

// page opens the workbench in a tab of its own. An error on the console fails the test.
func page(t *testing.T, actions ...action) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	allocated, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocated)
	t.Cleanup(cancel)
	do(t, ctx) // starts the browser, whose context must have no time limit
	ctx, cancel = context.WithTimeout(ctx, stepTimeout)
	t.Cleanup(cancel)
	err := chromedp.Listen(ctx, func(event any) {
		switch e := event.(type) {
		case *log.EventEntryAdded:
			t.Errorf("the console shows: %s (%s)", e.Entry.Text, e.Entry.URL)
		case *runtime.EventExceptionThrown:
			t.Errorf("the script failed: %s", e.ExceptionDetails.Text)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	do(t, ctx, append([]action{chromedp.Navigate(address), chromedp.WaitVisible("#rows tr")}, actions...)...)
	return ctx
}

// get runs an action that returns a value.
func get[T any](t *testing.T, ctx context.Context, a chromedp.Action[T]) T {
	t.Helper()
	value, err := chromedp.Run(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func do(t *testing.T, ctx context.Context, actions ...action) {
	t.Helper()
	if err := chromedp.Do(ctx, actions...); err != nil {
		t.Fatal(err)
	}
}

// choose picks an option as a person does: the page hears of it.
func choose(id, value string) action {
	return chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`(() => { const s = document.getElementById(%q); s.value = %q; s.dispatchEvent(new Event("change")); })()`, id, value))
}

// newCall connects agent 1028 to a new call, and waits until the form names it.
func newCall() action {
	return chromedp.Steps(
		chromedp.Evaluate[chromedp.Void](`window.before = document.getElementById("body").value`),
		chromedp.Click("#agents button"),
		chromedp.Poll[chromedp.Void](`document.getElementById("body").value !== window.before`),
	)
}

// send presses the button and waits for the steps of this webhook.
func send() action {
	return chromedp.Steps(
		chromedp.Evaluate[chromedp.Void](`document.getElementById("steps").replaceChildren()`),
		chromedp.Click("#send"),
		chromedp.WaitVisible("#steps li"),
	)
}

func TestWebhooks(t *testing.T) {
	cases := map[string]struct {
		actions []action
		outcome string
		steps   []string // that the list shows
	}{
		"a signed webhook ends the call": {nil, "hungup", []string{"made with key 1", "asked to end the call", "hungup is true"}},
		"a webhook whose body was changed is turned away": {
			[]action{choose("spoil", "changed-body")}, "unauthorized", []string{"refused:", "401"}},
		"a webhook under another key is turned away": {
			[]action{choose("spoil", "wrong-key")}, "unauthorized", []string{"refused:"}},
		"an old webhook is turned away": {
			[]action{choose("spoil", "old-time")}, "unauthorized", []string{"refused:"}},
		"an unsigned webhook is turned away": {
			[]action{choose("spoil", "unsigned")}, "unauthorized", []string{"refused:"}},
		"a call that is known by its phone is found": {
			[]action{choose("source", "helpdesk")}, "hungup", []string{"find", "asked which call the agent is in", "hungup is true"}},
		"a VICIdial that lies is found out": {
			[]action{choose("fault", "does-nothing")}, "still_listed",
			[]string{"with the fault does-nothing", "listed, line up: still_listed is true"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			ctx := page(t, newCall())
			do(t, ctx, c.actions...)
			do(t, ctx, send())
			outcome, steps := get(t, ctx, chromedp.Text("#outcome strong")), get(t, ctx, chromedp.Text("#steps"))
			if outcome != c.outcome {
				t.Errorf("outcome %q on the page, want %q", outcome, c.outcome)
			}
			for _, want := range c.steps {
				if !strings.Contains(steps, want) {
					t.Errorf("no step has %q:\n%s", want, steps)
				}
			}
		})
	}
}

func TestPastedCurlCommandIsExplained(t *testing.T) {
	const key = "vicihookSampleKeyWhichOpensNothing"
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(`{"action":"closed"}`)) // sent with a blank more
	capture := fmt.Sprintf(`curl -X POST https://hooks.example.com/webhooks/github -H 'X-Hub-Signature-256: sha256=%x' -d '{"action": "closed"}'`, mac.Sum(nil))
	ctx := page(t, choose("explain-source", "source:github"),
		chromedp.SetValue("#captured", capture), chromedp.SetValue("#explain-key", key),
		chromedp.Click("#explain-button"), chromedp.WaitVisible("#explanation:not(:empty)"))
	text := get(t, ctx, chromedp.Text("#explanation"))
	if !strings.Contains(text, "does not verify") || !strings.Contains(text, "json") || !strings.Contains(text, "takes") {
		t.Errorf("the page explains: %s", text)
	}
}

func TestScreens(t *testing.T) {
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		folder = t.TempDir()
	}
	for _, width := range []int64{1280, 400} {
		for _, scheme := range []string{"light", "dark"} {
			t.Run(fmt.Sprintf("at %d px in %s", width, scheme), func(t *testing.T) {
				ctx := page(t)
				dark := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
				do(t, ctx, chromedp.EmulateViewport(width, 800), chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
					_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, dark)
					return err
				}), newCall(), send())
				wider := get(t, ctx, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > innerWidth`))
				bottom := get(t, ctx, chromedp.Evaluate[float64](`document.getElementById("send").getBoundingClientRect().bottom`))
				image := get(t, ctx, chromedp.FullScreenshot(100))
				if wider {
					t.Error("the page is wider than its window")
				}
				if width == 1280 && bottom > 800 {
					t.Errorf("the button to send ends at %.0f px: the main act needs scrolling", bottom)
				}
				if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("workbench-%d-%s.png", width, scheme)), image, 0o644); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}
