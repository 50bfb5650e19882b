package webhook_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"vicihook/function/internal/webhook"
)

// faultyFields returns the members that err names, sorted, each once.
func faultyFields(err error) []string {
	var fields []string
	var fault *webhook.FieldError
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			fields = append(fields, faultyFields(e)...)
		}
	} else if errors.As(err, &fault) {
		fields = []string{fault.Field}
	}
	slices.Sort(fields)
	return slices.Compact(fields)
}

// base returns a valid scheme with changed members. A change to nil removes the member.
func base(changes map[string]any) string {
	object := map[string]any{
		"kind": "hmac", "alg": "sha256", "header": []string{"X-Sig"}, "form": "plain", "encoding": "hex", "signed": "{ts}.{body}",
		"ts_header": []string{"X-Time"}, "ts_unit": "s", "tolerance": 300, "secret": "raw",
	}
	maps.Copy(object, changes)
	maps.DeleteFunc(object, func(_ string, value any) bool { return value == nil })
	data, err := json.Marshal(object)
	if err != nil {
		panic(err)
	}
	return string(data)
}

type members = map[string]any

// unsigned returns changes that make base a token, with others.
func unsigned(changes members) members {
	token := members{
		"kind": "token", "alg": nil, "form": nil, "encoding": nil, "signed": nil, "ts_header": nil, "ts_unit": nil, "tolerance": nil, "secret": nil,
	}
	maps.Copy(token, changes)
	return token
}

var invalidSchemes = map[string]struct {
	changes members
	faults  []string
}{
	"no kind":                            {members{"kind": nil}, []string{"kind"}},
	"an unknown kind":                    {members{"kind": "jwt"}, []string{"kind"}},
	"no algorithm":                       {members{"alg": nil}, []string{"alg"}},
	"a broken algorithm":                 {members{"alg": "md5"}, []string{"alg"}},
	"no header":                          {members{"header": nil}, []string{"header"}},
	"a header's name with a blank":       {members{"header": []string{"X Sig"}}, []string{"header"}},
	"a header's name with a colon":       {members{"header": []string{"X-Sig:"}}, []string{"header"}},
	"an empty header's name":             {members{"header": []string{""}}, []string{"header"}},
	"one header for two things":          {members{"ts_header": []string{"x-sig"}}, []string{"ts_header"}},
	"one header twice":                   {members{"header": []string{"X-Sig", "x-sig"}}, []string{"header"}},
	"an unknown form":                    {members{"form": "json"}, []string{"form"}},
	"a list without a separator":         {members{"form": "list"}, []string{"sep"}},
	"a list by an odd separator":         {members{"form": "list", "sep": ";"}, []string{"sep"}},
	"a separator without a list":         {members{"sep": ","}, []string{"sep"}},
	"a separator inside the prefix":      {members{"form": "list", "sep": ",", "prefix": "v1,"}, []string{"prefix"}},
	"a prefix with a line break":         {members{"prefix": "a\n"}, []string{"prefix"}},
	"an optional prefix that is empty":   {members{"prefix_optional": true}, []string{"prefix_optional"}},
	"a prefix once without a list":       {members{"prefix": "v0=", "prefix_once": true}, []string{"prefix_once"}},
	"pairs without a signature's name":   {members{"form": "kv", "sep": ","}, []string{"kv_sig"}},
	"a pair's name without pairs":        {members{"kv_sig": "v1"}, []string{"kv_sig"}},
	"a pair's time without pairs":        {members{"kv_ts": "t", "ts_header": nil}, []string{"kv_ts"}},
	"a pair's name with an = in it":      {members{"form": "kv", "sep": ",", "kv_sig": "v=1"}, []string{"kv_sig"}},
	"a pair's time with a comma in it":   {members{"form": "kv", "sep": ",", "kv_sig": "v1", "kv_ts": "t,", "ts_header": nil}, []string{"kv_ts"}},
	"one pair for two things":            {members{"form": "kv", "sep": ",", "kv_sig": "v1", "kv_ts": "v1", "ts_header": nil}, []string{"kv_ts"}},
	"no encoding":                        {members{"encoding": nil}, []string{"encoding"}},
	"an unknown encoding":                {members{"encoding": "base64url"}, []string{"encoding"}},
	"no template":                        {members{"signed": nil}, []string{"signed", "ts_header"}},
	"a template without the body":        {members{"signed": "{ts}"}, []string{"signed"}},
	"a template of nothing but text":     {members{"signed": "body"}, []string{"signed", "ts_header"}},
	"a template with a stranger":         {members{"signed": "{ts}{host}{body}"}, []string{"signed"}},
	"a template with an open brace":      {members{"signed": "{ts}{body"}, []string{"signed"}},
	"a template with a closing brace":    {members{"signed": "{ts}}{body}"}, []string{"signed"}},
	"a template with an empty brace":     {members{"signed": "{}{ts}{body}"}, []string{"signed"}},
	"a template with one thing twice":    {members{"signed": "{ts}{body}{ts}"}, []string{"signed"}},
	"an id from nowhere":                 {members{"signed": "{id}.{ts}.{body}"}, []string{"signed"}},
	"an id that nobody signs":            {members{"id_header": []string{"X-Id"}}, []string{"id_header"}},
	"an id that runs into the time":      {members{"signed": "{id}{ts}.{body}", "id_header": []string{"X-Id"}}, []string{"signed"}},
	"an id that runs into the body":      {members{"signed": "{ts}.{body}{id}", "id_header": []string{"X-Id"}}, []string{"signed"}},
	"a time from nowhere":                {members{"ts_header": nil, "ts_unit": nil, "tolerance": nil}, []string{"signed"}},
	"a time that nobody signs":           {members{"signed": "{body}"}, []string{"ts_header"}},
	"a pair's time that nobody signs":    {members{"form": "kv", "sep": ",", "kv_sig": "v1", "kv_ts": "t", "ts_header": nil, "signed": "{body}"}, []string{"kv_ts"}},
	"a body's time that nobody signs":    {members{"ts_json": "at", "ts_header": nil, "signed": "{url}.{form_sorted}"}, []string{"ts_json"}},
	"two times":                          {members{"ts_json": "at"}, []string{"signed"}},
	"a body's time in RFC 3339":          {members{"ts_json": "at", "ts_header": nil, "signed": "{body}", "ts_unit": "rfc3339"}, []string{"ts_unit"}},
	"no unit":                            {members{"ts_unit": nil}, []string{"ts_unit"}},
	"an unknown unit":                    {members{"ts_unit": "us"}, []string{"ts_unit"}},
	"no tolerance":                       {members{"tolerance": nil}, []string{"tolerance"}},
	"a tolerance below zero":             {members{"tolerance": -1}, []string{"tolerance"}},
	"a tolerance above an hour":          {members{"tolerance": 3601}, []string{"tolerance"}},
	"a unit and a tolerance of no time":  {members{"ts_header": nil, "signed": "{body}"}, []string{"tolerance", "ts_unit"}},
	"an unknown form of the key":         {members{"secret": "base32"}, []string{"secret"}},
	"a prefix of a raw key":              {members{"secret_prefix": "whsec_"}, []string{"secret_prefix"}},
	"a hash without the secret":          {members{"kind": "hash"}, []string{"signed"}},
	"an hmac with the secret inside":     {members{"signed": "{ts}{body}{secret}"}, []string{"signed"}},
	"a port without a URL":               {members{"url_port": "both"}, []string{"url_port"}},
	"a port of another word":             {members{"signed": "{ts}{url}.{body}", "url_port": "none"}, []string{"url_port"}},
	"a body's hash without a URL":        {members{"signed": "{ts}{form_sorted}", "body_hash_query": []string{"h", "sha256", "hex"}}, []string{"body_hash_query"}},
	"a body's hash beside the body":      {members{"signed": "{ts}{url}.{body}", "body_hash_query": []string{"h", "sha256", "hex"}}, []string{"body_hash_query"}},
	"a body's hash of another kind":      {members{"signed": "{ts}{url}{form_sorted}", "body_hash_query": []string{"h", "md5", "hex"}}, []string{"body_hash_query"}},
	"a body's hash in part":              {members{"signed": "{ts}{url}{form_sorted}", "body_hash_query": []string{"h"}}, []string{"body_hash_query"}},
	"a demand for nothing":               {members{"require": map[string]string{"X-Version": ""}}, []string{"require"}},
	"a demand of no header":              {members{"require": map[string]string{"X Version": "1"}}, []string{"require"}},
	"a path for a delivery":              {members{"dedupe": ".event.id"}, []string{"dedupe"}},
	"a delivery in no header":            {members{"dedupe": "X Id"}, []string{"dedupe"}},
	"a delivery named by its signature":  {members{"dedupe": "X-SIG"}, []string{"dedupe"}},
	"a delivery named by another one":    {members{"dedupe": "X-Hub-Signature"}, []string{"dedupe"}},
	"a delivery named by a password":     {members{"dedupe": "Authorization"}, []string{"dedupe"}},
	"a token that is echoed":             {unsigned(members{"challenge": map[string]string{"header": "X-Sig"}}), []string{"challenge"}},
	"a password that is echoed":          {members{"challenge": map[string]string{"header": "X-Api-Token"}}, []string{"challenge"}},
	"two challenges":                     {members{"challenge": map[string]string{"json": "a", "header": "B"}}, []string{"challenge"}},
	"a challenge in no header":           {members{"challenge": map[string]string{"header": "B:"}}, []string{"challenge"}},
	"a token without a header":           {members{"kind": "token", "header": nil}, []string{"alg", "encoding", "form", "header", "signed", "tolerance", "ts_header", "ts_unit"}},
	"basic with a header":                {members{"kind": "basic", "prefix": "Basic "}, []string{"alg", "encoding", "form", "header", "prefix", "signed", "tolerance", "ts_header", "ts_unit"}},
	"a token with a comma in its prefix": {unsigned(members{"prefix": "a,"}), []string{"prefix"}},
	"a token that is decoded":            {unsigned(members{"secret": "hex"}), []string{"secret"}},
	"a token with a key's prefix":        {unsigned(members{"secret_prefix": "x"}), []string{"secret_prefix"}},
	"many faults":                        {members{"alg": "md5", "encoding": "hex64", "tolerance": 0, "signed": "{ts}", "secret": "x"}, []string{"alg", "encoding", "secret", "signed", "tolerance"}},
}

func TestNewVerifierInvalidScheme(t *testing.T) {
	t.Parallel()
	if _, err := webhook.NewVerifier(parseScheme(t, base(nil))); err != nil {
		t.Fatalf("the base of all: %v", err)
	}
	for name, test := range invalidSchemes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := webhook.NewVerifier(parseScheme(t, base(test.changes)))
			if !errors.Is(err, webhook.ErrInvalidScheme) {
				t.Fatalf("got %v, want ErrInvalidScheme", err)
			}
			if got := faultyFields(err); !slices.Equal(got, test.faults) {
				t.Errorf("got faults of %v, want %v: %v", got, test.faults, err)
			}
		})
	}
}

func TestCheckReadings(t *testing.T) {
	t.Parallel()
	for name, changes := range map[string]members{
		"a URL that runs into the body":     {"signed": "{ts}.{url}{body}"},
		"a decoded URL before the body":     {"signed": "{ts}{method}{url_decoded}{body}"},
		"fields without marks between them": {"signed": "{ts}.{form_sorted}"},
		"a hash that can be made longer":    {"kind": "hash", "signed": "{secret}.{ts}.{body}"},
	} {
		scheme := parseScheme(t, base(changes))
		if _, err := webhook.NewVerifier(scheme); err != nil {
			t.Errorf("%s can't be verified: %v", name, err)
		}
		if got := faultyFields(scheme.CheckReadings()); !slices.Equal(got, []string{"signed"}) {
			t.Errorf("%s: got %v", name, got)
		}
	}
	for _, name := range webhook.PresetNames() {
		twoWays := slices.Contains([]string{"hubspot-v1", "hubspot-v2", "hubspot-v3", "twilio"}, name)
		if err := preset(t, name).CheckReadings(); (err != nil) != twoWays {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestSchemeUnmarshalInvalid(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text   string
		want   error
		faults []string
	}{
		"an unknown preset":            {`"zendesc"`, webhook.ErrUnknownPreset, nil},
		"an empty name":                {`""`, webhook.ErrUnknownPreset, nil},
		"a number":                     {`1`, webhook.ErrInvalidScheme, nil},
		"a list":                       {`["github"]`, webhook.ErrInvalidScheme, nil},
		"unknown members, all of them": {`{"kind":"token","public_url":"x","tokens":[]}`, webhook.ErrInvalidScheme, []string{"public_url", "tokens"}},
		"a member in capitals":         {`{"Kind":"token"}`, webhook.ErrInvalidScheme, []string{"Kind"}},
		"a member twice":               {`{"alg":"sha1","alg":"sha256"}`, webhook.ErrInvalidScheme, []string{"alg"}},
		"members of other types":       {`{"alg":1,"header":"X","prefix_once":"yes","tolerance":"300","require":[],"challenge":"x"}`, webhook.ErrInvalidScheme, []string{"alg", "challenge", "header", "prefix_once", "require", "tolerance"}},
		"a number among the texts":     {`{"header":["X-Sig",1],"require":{"X-Version":1},"challenge":{"json":1}}`, webhook.ErrInvalidScheme, []string{"challenge", "header", "require"}},
		"a fraction of a second":       {`{"tolerance":1.5}`, webhook.ErrInvalidScheme, []string{"tolerance"}},
		"null":                         {`{"alg":null}`, webhook.ErrInvalidScheme, []string{"alg"}},
		"an unknown kind of challenge": {`{"challenge":{"xml":"a"}}`, webhook.ErrInvalidScheme, []string{"challenge"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var scheme webhook.Scheme
			err := json.Unmarshal([]byte(test.text), &scheme)
			if !errors.Is(err, test.want) {
				t.Fatalf("got %v, want %v", err, test.want)
			}
			if got := faultyFields(err); !slices.Equal(got, test.faults) {
				t.Errorf("got faults of %v, want %v: %v", got, test.faults, err)
			}
		})
	}
}

func TestUnknownPresetListsNames(t *testing.T) {
	t.Parallel()
	var scheme webhook.Scheme
	err := json.Unmarshal([]byte(`"zendesc"`), &scheme)
	want := `webhook: unknown preset "zendesc"; there are ` + strings.Join(webhook.PresetNames(), ", ")
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestSchemeJSONRoundTrip(t *testing.T) {
	t.Parallel()
	for name, scheme := range allSchemes(t) {
		data, err := json.Marshal(scheme)
		if err != nil {
			t.Fatal(err)
		}
		if got := parseScheme(t, string(data)); !reflect.DeepEqual(got, scheme) {
			t.Errorf("%s: got %+v, want %+v", name, got, scheme)
		}
	}
}

func TestPresets(t *testing.T) {
	t.Parallel()
	all := vectors(t)
	text, err := os.ReadFile("presets.json")
	if err != nil {
		t.Fatal(err)
	}
	var objects map[string]json.RawMessage
	if err := json.Unmarshal(text, &objects); err != nil || len(objects) < 40 {
		t.Fatal(len(objects), err)
	}
	if got, want := webhook.PresetNames(), slices.Sorted(maps.Keys(objects)); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for name, object := range objects {
		scheme, ok := webhook.Preset(name)
		if !ok || !reflect.DeepEqual(scheme, parseScheme(t, string(object))) || !reflect.DeepEqual(scheme, parseScheme(t, fmt.Sprintf("%q", name))) {
			t.Errorf("%s: got %+v, which differs from its object", name, scheme)
		}
		compile(t, scheme)
		if !slices.ContainsFunc(all, func(v webhook.Vector) bool { return v.Valid && schemesEqual(v.Scheme, scheme) }) {
			t.Errorf("%s: testdata has no valid vector for it", name)
		}
	}
	for _, name := range []string{"", "Zendesk", "zendesk ", `zendesk": {"kind`, "}", "{"} {
		if _, ok := webhook.Preset(name); ok {
			t.Errorf("there is a preset %q", name)
		}
	}
}

func ExampleScheme() {
	var scheme webhook.Scheme
	_ = json.Unmarshal([]byte(`{"kind": "hmac", "header": ["X-Desk-Signature"], "encoding": "hex", "signed": "{body}", "ts_header": ["X-Desk-Time"]}`), &scheme)
	_, err := webhook.NewVerifier(scheme)
	fmt.Println(err)
	// Output:
	// webhook: scheme: alg: missing
	// webhook: scheme: ts_unit: must be s, ms or rfc3339
	// webhook: scheme: tolerance: must be 1 to 3600 seconds
	// webhook: scheme: ts_header: is an unsigned time, which proves nothing: {ts} is missing in signed
}

func ExamplePreset() {
	scheme, ok := webhook.Preset("zendesk")
	fmt.Println(ok, scheme.Alg, scheme.Header, scheme.Signed)
	// Output: true sha256 [X-Zendesk-Webhook-Signature] {ts}{body}
}

func TestSchemeUnmarshalEveryMember(t *testing.T) {
	t.Parallel()
	fields := reflect.VisibleFields(reflect.TypeFor[webhook.Scheme]())
	if len(fields) < 20 {
		t.Fatalf("a scheme has %d fields", len(fields))
	}
	for _, field := range fields {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		err := json.Unmarshal(fmt.Appendf(nil, `{%q: null}`, name), new(webhook.Scheme))
		if fault, ok := errors.AsType[*webhook.FieldError](err); !ok || fault.Field != name || !strings.HasPrefix(fault.Why, "must be ") {
			t.Errorf("%s: got %v, want the type that it must have", name, err)
		}
	}
}
