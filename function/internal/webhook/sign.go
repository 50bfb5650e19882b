package webhook

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"time"
)

// Sign sets on r the headers that the scheme's sender would set: signature, time, id and those that the scheme requires.
// id is the delivery's. Where the scheme signs it, an unusable one is ErrNoID or ErrMalformedID; else it goes into the
// scheme's dedupe header unless empty.
// Where the scheme puts the hash of a body that is no form into the URL, Sign adds it to r.URL.
// It returns ErrEmptyKey, ErrNoURL, ErrMalformedForm or ErrBodyHash for what cannot be signed, and ErrNoTime for a body
// that lacks the scheme's time.
func (v *Verifier) Sign(r *Request, key Key, id string, now time.Time) error {
	if len(key.bytes()) == 0 {
		return ErrEmptyKey
	}
	headers := map[string]string{}
	for name, value := range v.scheme.Require {
		headers[name] = value
	}
	if v.scheme.Dedupe != "" && id != "" {
		headers[v.scheme.Dedupe] = id
	}
	if err := v.signInto(headers, r, key, id, now); err != nil {
		return err
	}
	if r.Header == nil {
		r.Header = Header{}
	}
	for name, value := range headers {
		r.Header[name] = []string{value}
	}
	return nil
}

func (v *Verifier) signInto(headers map[string]string, r *Request, key Key, id string, now time.Time) error {
	name := v.scheme.Header[0]
	switch v.scheme.Kind {
	case kindToken:
		headers[name] = v.scheme.Prefix + string(key.bytes())
		return nil
	case kindBasic:
		headers[name] = "Basic " + base64.StdEncoding.EncodeToString(key.bytes())
		return nil
	}
	if len(v.scheme.IDHeader) > 0 {
		if err := v.checkID(id); err != nil {
			return err
		}
		headers[v.scheme.IDHeader[0]] = id
	}
	ts, err := v.signTime(r.Body, now)
	if err != nil {
		return err
	}
	if len(v.scheme.TSHeader) > 0 {
		headers[v.scheme.TSHeader[0]] = ts
	}
	v.addBodyHash(r)
	m, err := v.message(*r, id, ts)
	if err != nil {
		return err
	}
	headers[name] = v.formatSignature(v.sum(&m, key), ts)
	return nil
}

func (v *Verifier) signTime(body []byte, now time.Time) (string, error) {
	switch {
	case v.scheme.TSJSON != "":
		return v.bodyTime(body)
	case v.signed.has(fieldTS):
		return v.formatTime(now), nil
	}
	return "", nil
}

// addBodyHash adds the body's hash to the URL, if the scheme has one and the URL does not.
func (v *Verifier) addBodyHash(r *Request) {
	_, found := v.bodyHash(r.URL)
	if len(v.scheme.BodyHashQuery) == 0 || found || len(r.Body) == 0 || r.URL == "" || isForm(r.Body) {
		return
	}
	separator := "?"
	if strings.Contains(r.URL, "?") {
		separator = "&"
	}
	sum := sha256.Sum256(r.Body)
	r.URL += separator + v.scheme.BodyHashQuery[0] + "=" + hex.EncodeToString(sum[:])
}

func (v *Verifier) formatSignature(sum []byte, ts string) string {
	text := hex.EncodeToString(sum)
	if v.scheme.Encoding == "base64" {
		text = base64.StdEncoding.EncodeToString(sum)
	}
	text = v.scheme.Prefix + text
	if v.scheme.Form != "kv" {
		return text
	}
	text = v.scheme.KVSig + "=" + text
	if v.scheme.KVTS != "" {
		text = v.scheme.KVTS + "=" + ts + v.scheme.Sep + text
	}
	return text
}
