package secretsmanager

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	contentType = "application/x-amz-json-1.1"
	maxRequest  = 1 << 20
	maxSkew     = 5 * time.Minute // between AWS's clock and the time of a signature
)

// input has the members of requests that are used; others are ignored, as AWS does.
type input struct {
	Name, SecretId, VersionId, VersionStage, ClientRequestToken string
	VersionStages                                               []string
	RemoveFromVersionId, MoveToVersionId                        string
	value
}

// output is every answer's body; each has a selection of these members.
type output struct {
	ARN           string   `json:",omitempty"`
	Name          string   `json:",omitempty"`
	VersionId     string   `json:",omitempty"`
	VersionStages []string `json:",omitempty"`
	CreatedDate   float64  `json:",omitempty"` // seconds since 1970, with milliseconds
	value
}

// value is a text or bytes.
type value struct {
	SecretString *string `json:",omitempty"`
	SecretBinary []byte  `json:",omitempty"`
}

// serve answers one request of the wire protocol.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Amzn-Requestid", newID())
	operation, in, err := s.read(r)
	if err != nil {
		answer(w, output{}, err)
		return
	}
	if operation == "GetSecretValue" && in.VersionId == "" && in.VersionStage == "" {
		in.VersionStage = Current
	}
	c := call{operation, in.SecretId, in.VersionStage}
	s.mu.Lock()
	s.calls[c]++
	f := s.faultFor(c)
	var out output
	if !f.Drop && f.Error == "" {
		out, err = s.perform(operation, in) // with the secrets at the request's arrival
	}
	s.mu.Unlock()
	f.answer(w, r, out, err)
}

// answer sends the answer as the fault changes it.
func (f Fault) answer(w http.ResponseWriter, r *http.Request, out output, err error) {
	if f.Hold != nil {
		f.Hold(r.Context())
	}
	if f.Drop || f.Lost {
		panic(http.ErrAbortHandler)
	}
	if !f.Date.IsZero() {
		w.Header().Set("Date", f.Date.UTC().Format(http.TimeFormat))
	}
	switch {
	case f.Error != "":
		answer(w, output{}, refuse(f.Error, stagedMessages[f.Error]))
	case f.Body != "":
		_, _ = io.WriteString(w, f.Body) // the client may be gone
	default:
		answer(w, out, err)
	}
}

// read rejects what AWS rejects as no signed request, as far as that shows without the secret key.
func (s *Server) read(r *http.Request) (operation string, in input, err error) {
	signed, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	scope := "/" + Region + "/secretsmanager/aws4_request"
	if age := s.now().Sub(signed); err != nil || age.Abs() > maxSkew || !strings.Contains(r.Header.Get("Authorization"), scope) {
		return "", in, refuse(InvalidSignature, "The request must be signed, within 5 minutes and with a scope of "+scope)
	}
	operation, known := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "secretsmanager.")
	if err := json.NewDecoder(io.LimitReader(r.Body, maxRequest)).Decode(&in); err != nil || !known {
		return "", in, refuse(InvalidRequest, "The request must be for an operation of Secrets Manager, with JSON.")
	}
	return operation, in, nil
}

// perform answers one operation. s.mu is held.
func (s *Server) perform(operation string, in input) (output, error) {
	if operation == "CreateSecret" {
		made, err := s.create(in.Name, version{id: in.ClientRequestToken, value: in.value})
		if err != nil {
			return output{}, err
		}
		return output{ARN: made.arn, Name: made.name, VersionId: made.labels[Current]}, nil
	}
	found, err := s.find(in.SecretId)
	if err != nil {
		return output{}, err
	}
	out := output{ARN: found.arn, Name: found.name}
	switch operation {
	case "GetSecretValue":
		v, err := found.get(in.VersionId, in.VersionStage)
		if err != nil {
			return output{}, err
		}
		out.VersionId, out.CreatedDate, out.value = v.id, float64(v.created.UnixMilli())/1000, v.value
	case "PutSecretValue":
		if len(in.VersionStages) == 0 {
			in.VersionStages = []string{Current}
		}
		if out.VersionId, err = found.put(version{id: in.ClientRequestToken, value: in.value}, in.VersionStages, s.now()); err != nil {
			return output{}, err
		}
	case "UpdateSecretVersionStage":
		return out, found.moveLabel(in.VersionStage, in.RemoveFromVersionId, in.MoveToVersionId)
	default:
		return output{}, refuse(InvalidRequest, "There is no operation "+operation+" here.")
	}
	out.VersionStages = found.stages(out.VersionId)
	return out, nil
}

// answer writes a result, or an error in both of the places where AWS names its type.
func answer(w http.ResponseWriter, out output, err error) {
	var no *refusal
	if !errors.As(err, &no) {
		_ = json.NewEncoder(w).Encode(out) // the client may be gone
		return
	}
	w.Header().Set("X-Amzn-Errortype", string(no.kind))
	status := http.StatusBadRequest
	if no.kind == InternalError {
		status = http.StatusInternalServerError
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": string(no.kind), "Message": no.message})
}
