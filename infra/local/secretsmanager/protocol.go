package secretsmanager

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	contentType = "application/x-amz-json-1.1"
	maxRequest  = 1 << 20
)

// input holds the fields of the requests that are understood; others are ignored, as AWS does.
type input struct {
	Name, SecretId, VersionId, VersionStage, ClientRequestToken string
	SecretString                                                *string
	SecretBinary                                                []byte
	VersionStages                                               []string
	RemoveFromVersionId, MoveToVersionId                        string
}

// output is every answer's body; each has a selection of these fields.
type output struct {
	ARN           string   `json:",omitempty"`
	Name          string   `json:",omitempty"`
	VersionId     string   `json:",omitempty"`
	VersionStages []string `json:",omitempty"`
	CreatedDate   float64  `json:",omitempty"` // seconds since 1970, with milliseconds
	SecretString  *string  `json:",omitempty"`
	SecretBinary  []byte   `json:",omitempty"`
}

// serve answers one request of the wire protocol.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Amzn-Requestid", newID())
	in, err := s.read(r)
	if err != nil {
		answer(w, output{}, err)
		return
	}
	name := operation(r)
	if name == "GetSecretValue" && in.VersionId == "" && in.VersionStage == "" {
		in.VersionStage = Current
	}
	s.mu.Lock()
	s.calls[call{name, in.SecretId, in.VersionStage}]++
	f := s.strike(call{name, in.SecretId, in.VersionStage})
	var out output
	if !f.Drop && f.Error == "" {
		out, err = s.perform(name, in) // as the secrets are when the request arrives
	}
	s.mu.Unlock()
	f.answer(w, r, out, err)
}

// answer sends the answer, after what the fault does to it.
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
		answer(w, output{}, fault(f.Error, stagedMessages[f.Error]))
	case f.Body != "":
		io.WriteString(w, f.Body)
	default:
		answer(w, out, err)
	}
}

func operation(r *http.Request) string {
	name, _ := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "secretsmanager.")
	return name
}

// read refuses whatever is not a signed request for an operation that exists here.
func (s *Server) read(r *http.Request) (in input, err error) {
	if err := checkSigned(r, s.now()); err != nil {
		return in, err
	}
	known := []string{"CreateSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage"}
	if r.Method != http.MethodPost || r.URL.Path != "/" || r.Header.Get("Content-Type") != contentType ||
		!slices.Contains(known, operation(r)) {
		return in, fault(UnknownOperation, "Not a POST / of "+contentType+" with one of these targets: "+strings.Join(known, ", "))
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if err == nil && len(body) > maxRequest {
		err = errors.New("the request is too long")
	}
	if err == nil {
		err = json.Unmarshal(body, &in)
	}
	if err != nil {
		return in, fault(SerializationError, "The request is not JSON of the expected shape, or over 1 MiB.")
	}
	return in, nil
}

// value is the answer to GetSecretValue. s.mu is held.
func (s *Server) value(in input) (output, error) {
	found, err := s.find(in.SecretId)
	if err != nil {
		return output{}, err
	}
	v, err := found.get(in.VersionId, in.VersionStage)
	if err != nil {
		return output{}, err
	}
	return output{
		ARN: found.arn, Name: found.name, VersionId: v.id, VersionStages: found.stages(v.id),
		CreatedDate: seconds(v.created), SecretString: v.text, SecretBinary: v.binary,
	}, nil
}

// perform answers one operation. s.mu is held.
func (s *Server) perform(operation string, in input) (output, error) {
	v := version{id: in.ClientRequestToken, text: in.SecretString, binary: in.SecretBinary}
	if operation == "CreateSecret" {
		made, err := s.create(in.Name, v)
		if err != nil {
			return output{}, err
		}
		return output{ARN: made.arn, Name: made.name, VersionId: made.labels[Current]}, nil
	}
	found, err := s.find(in.SecretId)
	if err != nil {
		return output{}, err
	}
	switch operation {
	case "GetSecretValue":
		return s.value(in)
	case "UpdateSecretVersionStage":
		return output{ARN: found.arn, Name: found.name}, found.moveLabel(in.VersionStage, in.RemoveFromVersionId, in.MoveToVersionId)
	}
	if len(in.VersionStages) == 0 {
		in.VersionStages = []string{Current}
	}
	id, err := found.put(v, in.VersionStages, s.now())
	if err != nil {
		return output{}, err
	}
	return output{ARN: found.arn, Name: found.name, VersionId: id, VersionStages: found.stages(id)}, nil
}

// answer writes a result, or an error in both of the places where AWS names its type.
func answer(w http.ResponseWriter, out output, err error) {
	var no *refusal
	if !errors.As(err, &no) {
		json.NewEncoder(w).Encode(out)
		return
	}
	w.Header().Set("X-Amzn-Errortype", string(no.kind))
	w.WriteHeader(no.kind.status())
	json.NewEncoder(w).Encode(map[string]string{"__type": string(no.kind), "Message": no.message})
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
