package webhook_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"
	"testing"
	"time"

	"vicihook/function/internal/webhook"
)

const (
	body   = `{"call_id":"Y4050908070000012345"}`
	second = "1790000000" // now
)

// mac signs a message without the package under test.
func mac(newHash func() hash.Hash, message string) []byte {
	h := hmac.New(newHash, []byte(strongSecret))
	h.Write([]byte(message))
	return h.Sum(nil)
}

func hex256(message string) string { return hex.EncodeToString(mac(sha256.New, message)) }
func base64256(message string) string {
	return base64.StdEncoding.EncodeToString(mac(sha256.New, message))
}
func base64sha1(message string) string {
	return base64.StdEncoding.EncodeToString(mac(sha1.New, message))
}

// A verdict is what Verify must return for the headers, with body, at now.
type verdict struct {
	scheme  string
	headers webhook.Header
	want    error
}

func (v verdict) check(t *testing.T) {
	t.Helper()
	scheme := preset(t, v.scheme)
	r := webhook.Request{Method: "POST", URL: publicURL, Header: v.headers, Body: []byte(body)}
	key, err := compile(t, scheme).Verify(r, []webhook.Key{strongKey(t, scheme)}, now)
	if !errors.Is(err, v.want) || (v.want == nil && err != nil) {
		t.Errorf("got %v, want %v", err, v.want)
	}
	if (err == nil) != (key == 0) || err != nil && key != -1 {
		t.Errorf("got key %d with %v", key, err)
	}
	assertDiscreet(t, err)
}

// assertDiscreet checks that an error quotes no key, signature or body.
func assertDiscreet(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	for _, secret := range []string{strongSecret, "call_id", hex256(body), base64256(body), hex256(second + "." + body), base64256("msg_1." + second + "." + body)} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error quotes %q: %v", secret, err)
		}
	}
}

// standard returns the headers of Standard Webhooks. A nil value stands for the right one, an empty one for none.
func standard(signature, id, ts []string) webhook.Header {
	if signature == nil {
		signature = []string{"v1," + base64256("msg_1."+second+"."+body)}
	}
	if id == nil {
		id = []string{"msg_1"}
	}
	if ts == nil {
		ts = []string{second}
	}
	return webhook.Header{"webhook-signature": signature, "webhook-id": id, "webhook-timestamp": ts}
}

// resigned returns headers whose signature covers this id and time, so that only their form can be wrong.
func resigned(id, ts string) webhook.Header {
	return standard([]string{"v1," + base64256(id+"."+ts+"."+body)}, []string{id}, []string{ts})
}

var good = base64256("msg_1." + second + "." + body)

func list(items ...string) webhook.Header {
	return standard([]string{strings.Join(items, " ")}, nil, nil)
}

func many(item string, count int) []string { return slices.Repeat([]string{item}, count) }

func TestSignatureHeader(t *testing.T) {
	t.Parallel()
	const sw, other = "standard-webhooks", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	none := []string{}
	tests := map[string]verdict{
		"a right one is accepted":                               {sw, standard(nil, nil, nil), nil},
		"an absent one is refused":                              {sw, standard(none, nil, nil), webhook.ErrNoSignature},
		"an empty one is refused":                               {sw, list(""), webhook.ErrNoSignature},
		"a repeated one is refused":                             {sw, standard([]string{"v1," + good, "v1," + good}, nil, nil), webhook.ErrRepeatedHeader},
		"one of two is enough":                                  {sw, list(other, "v1,"+good), nil},
		"the other of two is enough":                            {sw, list("v1,"+good, other), nil},
		"none of two is refused":                                {sw, list(other, other), webhook.ErrMismatch},
		"a malformed one before is passed over":                 {sw, list("v1,!", "v1,"+good), nil},
		"a malformed one after is passed over":                  {sw, list("v1,"+good, "v1,"), nil},
		"a malformed one beside a wrong one leaves a mismatch":  {sw, list("v1,!", other), webhook.ErrMismatch},
		"another version is passed over":                        {sw, list("v2,"+good, "v1a,"+good, "v1,"+good), nil},
		"another version alone is refused":                      {sw, list("v2,"+good, "v1a,"+good), webhook.ErrNoSignature},
		"a version in capitals is another":                      {sw, list("V1," + good), webhook.ErrNoSignature},
		"two blanks between are passed over":                    {sw, list(other, "", "v1,"+good), nil},
		"ten are looked at":                                     {sw, list(append(many(other, 9), "v1,"+good)...), nil},
		"eleven are refused":                                    {sw, list(append(many(other, 10), "v1,"+good)...), webhook.ErrTooManySignatures},
		"eleven malformed ones are refused":                     {sw, list(append(many("v1,!", 10), "v1,"+good)...), webhook.ErrTooManySignatures},
		"eleven of other versions are passed over":              {sw, list(append(many("v2,x", 11), "v1,"+good)...), nil},
		"base64 without padding is refused":                     {sw, list("v1," + strings.TrimRight(good, "=")), webhook.ErrMalformedSignature},
		"base64 with too much padding is refused":               {sw, list("v1," + good + "="), webhook.ErrMalformedSignature},
		"base64 cut short is refused":                           {sw, list("v1," + good[:40]), webhook.ErrMalformedSignature},
		"base64 cut to whole bytes is refused":                  {sw, list("v1," + base64.StdEncoding.EncodeToString(make([]byte, 31)) + "="), webhook.ErrMalformedSignature},
		"a signature and more is refused":                       {sw, list("v1," + good + good), webhook.ErrMalformedSignature},
		"a line break inside is refused":                        {sw, list("v1," + good[:20] + "\n" + good[20:]), webhook.ErrMalformedSignature},
		"a line break in the place of a character is refused":   {sw, list("v1," + good[:20] + "\n" + good[21:]), webhook.ErrMalformedSignature},
		"a tab after the prefix is refused":                     {sw, list("v1,\t" + good), webhook.ErrMalformedSignature},
		"the alphabet of URLs is refused":                       {sw, list("v1," + strings.NewReplacer("+", "-", "/", "_").Replace("++//"+good[4:])), webhook.ErrMalformedSignature},
		"bits that no byte needs are refused":                   {sw, list("v1," + good[:42] + string(good[42]+1) + "="), webhook.ErrMalformedSignature},
		"hex for base64 is refused":                             {sw, list("v1," + hex256("msg_1."+second+"."+body)), webhook.ErrMalformedSignature},
		"a plain one is accepted":                               {"clickup", webhook.Header{"x-signature": {hex256(body)}}, nil},
		"capital hex digits are accepted":                       {"clickup", webhook.Header{"x-signature": {strings.ToUpper(hex256(body))}}, nil},
		"base64 for hex is refused":                             {"clickup", webhook.Header{"x-signature": {base64256(body)}}, webhook.ErrMalformedSignature},
		"a plain one joined with itself is refused":             {"clickup", webhook.Header{"x-signature": {hex256(body) + "," + hex256(body)}}, webhook.ErrRepeatedHeader},
		"a plain one joined with nothing is refused":            {"clickup", webhook.Header{"x-signature": {hex256(body) + ","}}, webhook.ErrRepeatedHeader},
		"a prefixed one joined with itself is refused":          {"github", webhook.Header{"x-hub-signature-256": {"sha256=" + hex256(body) + ",sha256=" + hex256(body)}}, webhook.ErrRepeatedHeader},
		"a blank before is refused":                             {"clickup", webhook.Header{"x-signature": {" " + hex256(body)}}, webhook.ErrMalformedSignature},
		"a blank after is refused":                              {"clickup", webhook.Header{"x-signature": {hex256(body) + " "}}, webhook.ErrMalformedSignature},
		"a blank after the prefix is accepted":                  {"halopsa", webhook.Header{"x-halo-signature": {"sha256= " + base64256(body)}}, nil},
		"an absent prefix is refused":                           {"github", webhook.Header{"x-hub-signature-256": {hex256(body)}}, webhook.ErrMalformedSignature},
		"the prefix of another algorithm is refused":            {"github", webhook.Header{"x-hub-signature-256": {"sha1=" + hex256(body)}}, webhook.ErrMalformedSignature},
		"an optional prefix may be absent":                      {"generic-sha256-hex", webhook.Header{"x-signature": {hex256(body)}}, nil},
		"an optional prefix is accepted":                        {"generic-sha256-hex", webhook.Header{"x-signature": {"sha256=" + hex256(body)}}, nil},
		"one prefix covers the first of a list":                 {"outpost", webhook.Header{"x-outpost-signature": {"v0=" + hex256(body) + "," + hex256("")}}, nil},
		"one prefix covers the second of a list":                {"outpost", webhook.Header{"x-outpost-signature": {"v0=" + hex256("") + "," + hex256(body)}}, nil},
		"a list without its one prefix is refused":              {"outpost", webhook.Header{"x-outpost-signature": {hex256(body) + "," + hex256("")}}, webhook.ErrMismatch},
		"a list by commas is accepted":                          {"pagerduty", webhook.Header{"x-pagerduty-signature": {"v1=" + hex256("") + ",v1=" + hex256(body)}}, nil},
		"a second name of the header counts":                    {"shopify", webhook.Header{"shopify-hmac-sha256": {base64256(body)}}, nil},
		"the first of both names counts":                        {"shopify", webhook.Header{"x-shopify-hmac-sha256": {base64256(body)}, "shopify-hmac-sha256": {"?"}}, nil},
		"the second of both names does not replace the first":   {"shopify", webhook.Header{"x-shopify-hmac-sha256": {base64256("")}, "shopify-hmac-sha256": {base64256(body)}}, webhook.ErrMismatch},
		"a scheme with another algorithm under one name is not": {"front-rule", webhook.Header{"x-front-signature": {base64256(body)}}, webhook.ErrMalformedSignature},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { t.Parallel(); test.check(t) })
	}
}

func TestPairsHeader(t *testing.T) {
	t.Parallel()
	pairs := func(value string) webhook.Header { return webhook.Header{"stripe-signature": {value}} }
	right := "v1=" + hex256(second+"."+body)
	wrong := "v1=" + hex256("")
	tests := map[string]verdict{
		"time and signature are accepted":         {"stripe", pairs("t=" + second + "," + right), nil},
		"the order does not matter":               {"stripe", pairs(right + ",t=" + second), nil},
		"other pairs are passed over":             {"stripe", pairs("t=" + second + ",v0=00,x," + right + ",=,"), nil},
		"one of two signatures is enough":         {"stripe", pairs("t=" + second + "," + wrong + "," + right), nil},
		"the older version is not a signature":    {"stripe", pairs("t=" + second + ",v0=" + right[3:]), webhook.ErrNoSignature},
		"no time is refused":                      {"stripe", pairs(right), webhook.ErrNoTime},
		"an empty time is refused":                {"stripe", pairs("t=," + right), webhook.ErrNoTime},
		"a time twice is refused":                 {"stripe", pairs("t=" + second + ",t=" + second + "," + right), webhook.ErrRepeatedHeader},
		"a time that is infinite is refused":      {"stripe", pairs("t=Infinity," + right), webhook.ErrMalformedTime},
		"a time that is another one's mismatches": {"stripe", pairs("t=1790000001," + right), webhook.ErrMismatch},
		"blanks are not trimmed":                  {"stripe", pairs("t=" + second + ", " + right), webhook.ErrNoSignature},
		"a header given twice is refused":         {"stripe", webhook.Header{"stripe-signature": {"t=" + second, right}}, webhook.ErrRepeatedHeader},
		"eleven signatures are refused":           {"stripe", pairs("t=" + second + "," + strings.Join(many(wrong, 10), ",") + "," + right), webhook.ErrTooManySignatures},
		"base64 keeps its padding":                {"convoy-advanced-b64", webhook.Header{"x-convoy-signature": {"t=" + second + ",v1=" + base64256(second+","+body)}}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { t.Parallel(); test.check(t) })
	}
}

func TestIDHeader(t *testing.T) {
	t.Parallel()
	const sw = "standard-webhooks"
	tests := map[string]verdict{
		"an absent one is refused":                {sw, standard(nil, []string{}, nil), webhook.ErrNoID},
		"an empty one is refused":                 {sw, standard(nil, []string{""}, nil), webhook.ErrNoID},
		"a repeated one is refused":               {sw, standard(nil, []string{"msg_1", "msg_1"}, nil), webhook.ErrRepeatedHeader},
		"a joined one is refused":                 {sw, resigned("msg_1,msg_1", second), webhook.ErrRepeatedHeader},
		"another delivery's one mismatches":       {sw, standard(nil, []string{"msg_2"}, nil), webhook.ErrMismatch},
		"one with a dot is refused":               {sw, resigned("msg.1", second), webhook.ErrMalformedID},
		"one with a line break is refused":        {sw, resigned("msg\n1", second), webhook.ErrMalformedID},
		"one beyond ASCII is refused":             {sw, resigned("msg_é", second), webhook.ErrMalformedID},
		"one of 256 characters is accepted":       {sw, resigned(strings.Repeat("m", 256), second), nil},
		"one of 257 characters is refused":        {sw, resigned(strings.Repeat("m", 257), second), webhook.ErrMalformedID},
		"an id that takes in the time is refused": {sw, standard([]string{"v1," + base64256("msg_1."+second+".1790000001."+body)}, []string{"msg_1." + second}, []string{"1790000001"}), webhook.ErrMalformedID},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { t.Parallel(); test.check(t) })
	}
}

func TestTimeHeader(t *testing.T) {
	t.Parallel()
	const sw = "standard-webhooks"
	zendesk := func(ts string) webhook.Header {
		return webhook.Header{"x-zendesk-webhook-signature": {base64256(ts + body)}, "x-zendesk-webhook-signature-timestamp": {ts}}
	}
	front := func(ts string) webhook.Header {
		return webhook.Header{"x-front-signature": {base64256(ts + ":" + body)}, "x-front-request-timestamp": {ts}}
	}
	tests := map[string]verdict{
		"an absent one is refused":                {sw, standard(nil, nil, []string{}), webhook.ErrNoTime},
		"an empty one is refused":                 {sw, standard(nil, nil, []string{""}), webhook.ErrNoTime},
		"a repeated one is refused":               {sw, standard(nil, nil, []string{second, second}), webhook.ErrRepeatedHeader},
		"a joined one is refused":                 {sw, resigned("msg_1", second+","+second), webhook.ErrRepeatedHeader},
		"a blank before is refused":               {sw, resigned("msg_1", " "+second), webhook.ErrMalformedTime},
		"a plus is refused":                       {sw, resigned("msg_1", "+"+second), webhook.ErrMalformedTime},
		"a minus is refused":                      {sw, resigned("msg_1", "-"+second), webhook.ErrMalformedTime},
		"a leading zero is refused":               {sw, resigned("msg_1", "0"+second), webhook.ErrMalformedTime},
		"a fraction is refused":                   {sw, resigned("msg_1", second+".0"), webhook.ErrMalformedTime},
		"an exponent is refused":                  {sw, resigned("msg_1", "1.79e9"), webhook.ErrMalformedTime},
		"hexadecimal is refused":                  {sw, resigned("msg_1", "0x6AB13B80"), webhook.ErrMalformedTime},
		"an underscore is refused":                {sw, resigned("msg_1", "1_790_000_000"), webhook.ErrMalformedTime},
		"digits of another script are refused":    {sw, resigned("msg_1", "١٧٩٠٠٠٠٠٠٠"), webhook.ErrMalformedTime},
		"NaN is refused":                          {sw, resigned("msg_1", "NaN"), webhook.ErrMalformedTime},
		"infinity is refused":                     {sw, resigned("msg_1", "Infinity"), webhook.ErrMalformedTime},
		"more than an int64 is refused":           {sw, resigned("msg_1", "9223372036854775808"), webhook.ErrMalformedTime},
		"more than a uint64 is refused":           {sw, resigned("msg_1", strings.Repeat("9", 30)), webhook.ErrMalformedTime},
		"the last int64 is the future":            {sw, resigned("msg_1", "9223372036854775807"), webhook.ErrTooNew},
		"milliseconds for seconds are the future": {sw, resigned("msg_1", second+"000"), webhook.ErrTooNew},
		"300 s ago is accepted":                   {sw, resigned("msg_1", "1789999700"), nil},
		"301 s ago is refused":                    {sw, resigned("msg_1", "1789999699"), webhook.ErrTooOld},
		"in 300 s is accepted":                    {sw, resigned("msg_1", "1790000300"), nil},
		"in 301 s is refused":                     {sw, resigned("msg_1", "1790000301"), webhook.ErrTooNew},
		"300,000 ms ago is accepted":              {"front-app", front("1789999700000"), nil},
		"300,001 ms ago is refused":               {"front-app", front("1789999699999"), webhook.ErrTooOld},
		"in 300,000 ms is accepted":               {"front-app", front("1790000300000"), nil},
		"in 300,001 ms is refused":                {"front-app", front("1790000300001"), webhook.ErrTooNew},
		"seconds for milliseconds are 1970":       {"front-app", front(second), webhook.ErrTooOld},
		"RFC 3339 is accepted":                    {"zendesk", zendesk("2026-09-21T14:13:20Z"), nil},
		"RFC 3339 in another zone is accepted":    {"zendesk", zendesk("2026-09-21T16:13:20+02:00"), nil},
		"RFC 3339 with a fraction is accepted":    {"zendesk", zendesk("2026-09-21T14:13:20.123Z"), nil},
		"RFC 3339 301 s ago is refused":           {"zendesk", zendesk("2026-09-21T14:08:19Z"), webhook.ErrTooOld},
		"RFC 3339 in 301 s is refused":            {"zendesk", zendesk("2026-09-21T14:18:21Z"), webhook.ErrTooNew},
		"RFC 3339 without a zone is refused":      {"zendesk", zendesk("2026-09-21T14:13:20"), webhook.ErrMalformedTime},
		"RFC 3339 in small letters is refused":    {"zendesk", zendesk("2026-09-21t14:13:20z"), webhook.ErrMalformedTime},
		"RFC 3339 with a blank is refused":        {"zendesk", zendesk("2026-09-21 14:13:20Z"), webhook.ErrMalformedTime},
		"an hour of one digit is refused":         {"zendesk", zendesk("2026-09-21T4:13:20Z"), webhook.ErrMalformedTime},
		"the 30th of February is refused":         {"zendesk", zendesk("2026-02-30T14:13:20Z"), webhook.ErrMalformedTime},
		"seconds for RFC 3339 are refused":        {"zendesk", zendesk(second), webhook.ErrMalformedTime},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { t.Parallel(); test.check(t) })
	}
}

func TestRequiredHeader(t *testing.T) {
	t.Parallel()
	sum := sha256.Sum256([]byte(strongSecret + body))
	signed := func(version ...string) webhook.Header {
		return webhook.Header{"x-hubspot-signature": {hex.EncodeToString(sum[:])}, "x-hubspot-signature-version": version}
	}
	tests := map[string]verdict{
		"the right one is accepted":        {"hubspot-v1", signed("v1"), nil},
		"an absent one is refused":         {"hubspot-v1", signed(), webhook.ErrRequiredHeader},
		"another version is refused":       {"hubspot-v1", signed("v2"), webhook.ErrRequiredHeader},
		"capitals are another version":     {"hubspot-v1", signed("V1"), webhook.ErrRequiredHeader},
		"a repeated one is refused":        {"hubspot-v1", signed("v1", "v1"), webhook.ErrRepeatedHeader},
		"a joined one is refused":          {"hubspot-v1", signed("v1,v1"), webhook.ErrRequiredHeader},
		"the other version does not match": {"hubspot-v2", signed("v2"), webhook.ErrMismatch},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { t.Parallel(); test.check(t) })
	}
}

func TestSignedLiterals(t *testing.T) {
	t.Parallel()
	scheme := parseScheme(t, custom["literals on both sides"])
	verifier, keys := compile(t, scheme), []webhook.Key{strongKey(t, scheme)}
	for signed, want := range map[string]error{
		"v1:" + body + ":end": nil, "v1:" + body: webhook.ErrMismatch, body + ":end": webhook.ErrMismatch,
	} {
		r := webhook.Request{Header: webhook.Header{"x-sig": {hex256(signed)}}, Body: []byte(body)}
		if _, err := verifier.Verify(r, keys, now); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", signed, err, want)
		}
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	scheme := preset(t, "github")
	verifier := compile(t, scheme)
	r := exampleRequest(100)
	right := strongKey(t, scheme)
	if err := verifier.Sign(&r, right, "", now); err != nil {
		t.Fatal(err)
	}
	wrong := parseKey(t, scheme, "another key of some length")
	tests := map[string]struct {
		keys []webhook.Key
		key  int
		want error
	}{
		"none is refused":                        {nil, -1, webhook.ErrNoKey},
		"the zero key is refused":                {[]webhook.Key{{}}, -1, webhook.ErrEmptyKey},
		"the zero key beside a right one is too": {[]webhook.Key{right, {}}, -1, webhook.ErrEmptyKey},
		"the first key that matches":             {[]webhook.Key{wrong, right, right}, 1, nil},
		"the first of equal keys":                {[]webhook.Key{right, right}, 0, nil},
		"the last of four is tried":              {[]webhook.Key{wrong, wrong, wrong, right}, 3, nil},
		"five are refused":                       {[]webhook.Key{right, right, right, right, right}, -1, webhook.ErrTooManyKeys},
		"wrong ones do not match":                {[]webhook.Key{wrong, wrong}, -1, webhook.ErrMismatch},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if key, err := verifier.Verify(r, test.keys, now); key != test.key || !errors.Is(err, test.want) {
				t.Errorf("got %d, %v, want %d, %v", key, err, test.key, test.want)
			}
		})
	}
}

func TestTimeInTheBody(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body string
		want error
	}{
		"a fresh one is accepted":                 {`{"webhookTimestamp":1790000000000}`, nil},
		"60 s ago is accepted":                    {`{"webhookTimestamp": 1789999940000, "a": [{"webhookTimestamp": 1}]}`, nil},
		"60,001 ms ago is refused":                {`{"webhookTimestamp":1789999939999}`, webhook.ErrTooOld},
		"in 60,001 ms is refused":                 {`{"webhookTimestamp":1790000060001}`, webhook.ErrTooNew},
		"an absent one is refused":                {`{"webhook_timestamp":1790000000000}`, webhook.ErrNoTime},
		"another spelling is refused":             {`{"WebhookTimestamp":1790000000000}`, webhook.ErrNoTime},
		"one deeper down is refused":              {`{"data":{"webhookTimestamp":1790000000000}}`, webhook.ErrNoTime},
		"a time that appears twice":               {`{"webhookTimestamp":1790000000000,"webhookTimestamp":1790000000000}`, webhook.ErrMalformedTime},
		"an escaped second is found":              {`{"webhookTimestamp":1790000000000,"webhookTimestam\u0070":1}`, webhook.ErrMalformedTime},
		"the escaped name of another member":      {`{"webhookTimestamp":1790000000000,"webhookTimestam\u0071":1}`, nil},
		"a string is refused":                     {`{"webhookTimestamp":"1790000000000"}`, webhook.ErrMalformedTime},
		"a float is refused":                      {`{"webhookTimestamp":1790000000000.0}`, webhook.ErrMalformedTime},
		"null is refused":                         {`{"webhookTimestamp":null}`, webhook.ErrMalformedTime},
		"a list is refused":                       {`[{"webhookTimestamp":1790000000000}]`, webhook.ErrMalformedTime},
		"text after the object is refused":        {`{"webhookTimestamp":1790000000000}{}`, webhook.ErrMalformedTime},
		"an object cut short is refused":          {`{"webhookTimestamp":1790000000000`, webhook.ErrMalformedTime},
		"an object that is still open is refused": {`{"webhookTimestamp":1790000000000,"a":{}`, webhook.ErrMalformedTime},
		"a string that is still open is refused":  {`{"webhookTimestamp":1790000000000,"a":"}`, webhook.ErrMalformedTime},
		"a time inside a string":                  {`{"a":"\",\"webhookTimestamp\":1790000000000,\"b\":\""}`, webhook.ErrNoTime},
		"no JSON is refused":                      {`webhookTimestamp=1790000000000`, webhook.ErrMalformedTime},
		"no body is refused":                      {``, webhook.ErrMalformedTime},
	}
	scheme := preset(t, "linear")
	verifier, keys := compile(t, scheme), []webhook.Key{strongKey(t, scheme)}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := webhook.Request{Header: webhook.Header{"linear-signature": {hex256(test.body)}}, Body: []byte(test.body)}
			if key, err := verifier.Verify(r, keys, now); !errors.Is(err, test.want) || (err == nil) != (key == 0) || err != nil && key != -1 {
				t.Errorf("got %d, %v, want %v", key, err, test.want)
			}
			r.Header["linear-signature"] = []string{hex256("")[:63] + "x"}
			if _, err := verifier.Verify(r, keys, now); !errors.Is(err, webhook.ErrMalformedSignature) {
				t.Errorf("unsigned: got %v: the body was read before its signature", err)
			}
		})
	}
}

func TestTimeUnits(t *testing.T) {
	t.Parallel()
	scheme := preset(t, "standard-webhooks")
	verifier, keys := compile(t, scheme), []webhook.Key{strongKey(t, scheme)}
	r := webhook.Request{Header: resigned("msg_1", second), Body: []byte(body)}
	last := now.Add(300*time.Second + 999*time.Millisecond)
	if _, err := verifier.Verify(r, keys, last); err != nil {
		t.Errorf("the last millisecond of second 300: got %v", err)
	}
	if _, err := verifier.Verify(r, keys, last.Add(time.Millisecond)); !errors.Is(err, webhook.ErrTooOld) {
		t.Errorf("second 301: got %v", err)
	}
}

func ExampleVerifier_Verify() {
	scheme, _ := webhook.Preset("github")
	verifier, _ := webhook.NewVerifier(scheme)
	key, _ := scheme.ParseKey("It's a Secret to Everybody")
	request := webhook.Request{
		Header: webhook.Header{"x-hub-signature-256": {"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}},
		Body:   []byte("Hello, World!"),
	}
	fmt.Println(verifier.Verify(request, []webhook.Key{key}, time.Now()))
	request.Body = []byte("Hello World!")
	fmt.Println(verifier.Verify(request, []webhook.Key{key}, time.Now()))
	// Output:
	// 0 <nil>
	// -1 webhook: signature matches no key
}

func ExampleVerifier_Sign() {
	scheme, _ := webhook.Preset("standard-webhooks")
	verifier, _ := webhook.NewVerifier(scheme)
	key, _ := scheme.ParseKey("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	request := webhook.Request{Method: "POST", Body: []byte(`{"test": 2432232314}`)}
	_ = verifier.Sign(&request, key, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0))
	fmt.Println(request.Header["webhook-signature"][0])
	// Output: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=
}
