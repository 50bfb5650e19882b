//go:build unix

package workbench_test

import (
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vicihook/infra/local/workbench"
)

func TestOtherHostsAndSitesAreRefused(t *testing.T) {
	sources := filepath.Join(t.TempDir(), "sources.json")
	if err := os.WriteFile(sources, []byte(`{"crm": {"scheme": "standard-webhooks"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	bench, err := workbench.New(workbench.Config{Sources: sources})
	if err != nil {
		t.Fatal(err)
	}
	defer bench.Close()
	server := httptest.NewServer(bench)
	defer server.Close()
	const own = "the page's own"
	cases := map[string]struct {
		host, origin, contentType string
		status                    int
	}{
		"another name for this address":   {"evil.example.com", own, "application/json", http.StatusMisdirectedRequest},
		"a script of another site":        {"", "http://evil.example.com", "application/json", http.StatusForbidden},
		"a form of another site":          {"", "", "text/plain", http.StatusForbidden},
		"a request without a site":        {"", "", "application/json", http.StatusForbidden},
		"the page, with more than it may": {"", own, "application/json", http.StatusRequestEntityTooLarge},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/send", strings.NewReader(strings.Repeat(" ", 700<<10)))
			if err != nil {
				t.Fatal(err)
			}
			request.Host = c.host
			request.Header.Set("Content-Type", c.contentType)
			origin := c.origin
			if origin == own {
				origin = server.URL
			}
			request.Header.Set("Origin", origin)
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != c.status {
				t.Errorf("status %d, want %d", response.StatusCode, c.status)
			}
		})
	}
}

func TestSamples(t *testing.T) {
	samples := workbench.Samples(os.DirFS(filepath.Join("..", "..", "..", "events")))
	for _, source := range []string{"crm", "zendesk", "github", "slack"} {
		if samples[source].Body == "" || samples[source].ContentType == "" {
			t.Errorf("%s has the sample %+v", source, samples[source])
		}
	}
	if body := samples["slack"].Body; !strings.Contains(body, "&") {
		t.Errorf("slack's form is still base64: %q", body)
	}
}

func TestNewWithoutSources(t *testing.T) {
	if _, err := workbench.New(workbench.Config{Sources: filepath.Join(t.TempDir(), "sources.json")}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want that the file does not exist", err)
	}
}
