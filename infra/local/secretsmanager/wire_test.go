package secretsmanager_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"vicihook/infra/local/secretsmanager"
)

// signed is a request as the SDK sends it, written out.
func signed(t *testing.T, url, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{
		"Content-Type": {"application/x-amz-json-1.1"},
		"X-Amz-Target": {"secretsmanager.GetSecretValue"},
		"X-Amz-Date":   {now.Format("20060102T150405Z")},
		"Authorization": {"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/secretsmanager/aws4_request, " +
			"SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=" + strings.Repeat("0", 64)},
	}
	return r
}

func send(t *testing.T, r *http.Request) (*http.Response, string) {
	t.Helper()
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func fixedServer(t *testing.T) *secretsmanager.Server {
	t.Helper()
	s, err := secretsmanager.NewServer(secretsmanager.Config{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestWireOfAValue(t *testing.T) {
	t.Parallel()
	s := fixedServer(t)
	arn := create(t, s, "vicihook/vicidial", `{"pass":"x"}`)
	resp, body := send(t, signed(t, s.URL, `{"SecretId":"`+arn+`","VersionStage":"AWSCURRENT","Unknown":1}`))
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/x-amz-json-1.1" || resp.Header.Get("X-Amzn-Requestid") == "" {
		t.Errorf("got %d %v", resp.StatusCode, resp.Header)
	}
	for _, want := range []string{`"ARN":"` + arn + `"`, `"CreatedDate":1767323045.678`, `"SecretString":"{\"pass\":\"x\"}"`, `"VersionStages":["AWSCURRENT"]`} {
		if !strings.Contains(body, want) {
			t.Errorf("got %s, want it to hold %s", body, want)
		}
	}
}

func TestWireOfAnError(t *testing.T) {
	t.Parallel()
	s := fixedServer(t)
	arn := create(t, s, "vicihook/vicidial", "x")
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	authorization := signed(t, s.URL, "").Header.Get("Authorization")
	cases := map[string]struct {
		change func(*http.Request)
		want   secretsmanager.ErrorType
	}{
		"a request without a signature":       {set("Authorization", ""), secretsmanager.InvalidSignature},
		"a signature of another kind":         {set("Authorization", "Bearer x"), secretsmanager.InvalidSignature},
		"a signature for another region":      {set("Authorization", strings.Replace(authorization, "us-east-1", "eu-west-1", 1)), secretsmanager.InvalidSignature},
		"a signature for another service":     {set("Authorization", strings.Replace(authorization, "/secretsmanager", "/kms", 1)), secretsmanager.InvalidSignature},
		"a signature without a time":          {set("X-Amz-Date", ""), secretsmanager.InvalidSignature},
		"a signature that is too old":         {set("X-Amz-Date", now.Add(-6*time.Minute).Format("20060102T150405Z")), secretsmanager.InvalidSignature},
		"a signature that is not yet current": {set("X-Amz-Date", now.Add(6*time.Minute).Format("20060102T150405Z")), secretsmanager.InvalidSignature},
		"an operation that is not here":       {set("X-Amz-Target", "secretsmanager.DescribeSecret"), secretsmanager.InvalidRequest},
		"no operation":                        {set("X-Amz-Target", "GetSecretValues"), secretsmanager.InvalidRequest},
		"a body that is not JSON":             {func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("{")); r.ContentLength = 1 }, secretsmanager.InvalidRequest},
	}
	for name, c := range cases {
		t.Run(name+" is refused", func(t *testing.T) {
			r := signed(t, s.URL, `{"SecretId":"`+arn+`"}`)
			c.change(r)
			resp, body := send(t, r)
			if resp.StatusCode != 400 || resp.Header.Get("X-Amzn-Errortype") != string(c.want) || !strings.Contains(body, `"__type":"`+string(c.want)+`"`) {
				t.Errorf("got %d %s %s, want %s", resp.StatusCode, resp.Header.Get("X-Amzn-Errortype"), body, c.want)
			}
		})
	}
	if got := s.Calls(arn, secretsmanager.Current); got != 0 {
		t.Errorf("calls: got %d, want refused requests not to count", got)
	}
}
