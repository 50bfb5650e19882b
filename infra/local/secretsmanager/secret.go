package secretsmanager

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"
)

// maxValue is the largest value that Secrets Manager stores, in bytes.
const maxValue = 65536

// suffixAlphabet are the letters of the six characters that end an ARN.
const suffixAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

type secret struct {
	arn, name string
	versions  map[string]version // by id
	labels    map[string]string  // label to version id
}

// A version is immutable once it is stored. It has a text or a binary value.
type version struct {
	id      string
	created time.Time
	text    *string
	binary  []byte
}

func (v version) empty() bool { return v.text == nil && len(v.binary) == 0 }

// storable holds for one value of a size that Secrets Manager takes.
func (v version) storable() bool {
	if v.text == nil {
		return len(v.binary) > 0 && len(v.binary) <= maxValue
	}
	return len(v.binary) == 0 && *v.text != "" && len(*v.text) <= maxValue
}

func (v version) sameValue(w version) bool {
	return (v.text == nil) == (w.text == nil) && (v.text == nil || *v.text == *w.text) && bytes.Equal(v.binary, w.binary)
}

// create stores a new secret; without a value it has no version yet. s.mu is held.
func (s *Server) create(name string, v version) (*secret, error) {
	if name == "" {
		return nil, fault(InvalidParameter, "Name is required.")
	}
	arn := arnOf(name)
	if s.secrets[arn] != nil {
		return nil, fault(ResourceExists, "The operation failed because the secret "+name+" already exists.")
	}
	made := &secret{arn: arn, name: name, versions: map[string]version{}, labels: map[string]string{}}
	if !v.empty() {
		if _, err := made.put(v, []string{Current}, s.now()); err != nil {
			return nil, err
		}
	}
	s.secrets[arn] = made
	return made, nil
}

// find looks a secret up by its full ARN. s.mu is held.
func (s *Server) find(arn string) (*secret, error) {
	if found := s.secrets[arn]; found != nil {
		return found, nil
	}
	return nil, fault(ResourceNotFound, "Secrets Manager can't find the specified secret.")
}

// put adds a version and moves the labels to it. The same id with the same value is the same request again.
func (s *secret) put(v version, labels []string, now time.Time) (id string, err error) {
	if !v.storable() {
		return "", fault(InvalidParameter, "You must provide either SecretString or SecretBinary, of 1 to 65536 bytes.")
	}
	if v.id == "" {
		v.id = newID()
	}
	if old, ok := s.versions[v.id]; ok {
		if !old.sameValue(v) {
			return "", fault(ResourceExists, "You can't change the value of an existing version: use another ClientRequestToken.")
		}
		return v.id, nil
	}
	v.created = now
	s.versions[v.id] = v
	if s.labels[Current] == "" {
		s.move(Current, v.id) // a first version is always the current one
	}
	for _, label := range labels {
		s.move(label, v.id)
	}
	return v.id, nil
}

// move gives a label to a version. AWSPREVIOUS follows to the version that loses AWSCURRENT.
func (s *secret) move(label, id string) {
	if old := s.labels[Current]; label == Current && old != "" && old != id {
		s.labels[Previous] = old
	}
	s.labels[label] = id
}

// moveLabel takes a label from one version to another, if it is where the caller believes it to be. Either may be empty.
func (s *secret) moveLabel(label, from, to string) error {
	holder := s.labels[label]
	_, known := s.versions[to]
	switch {
	case label == "":
		return fault(InvalidParameter, "VersionStage is required.")
	case to != "" && !known:
		return fault(ResourceNotFound, "Secrets Manager can't find the specified secret version: "+to)
	case to == "" && label == Current:
		return fault(InvalidParameter, "You can't remove AWSCURRENT without moving it to another version.")
	case holder != "" && holder != to && from == "":
		return fault(InvalidParameter, "The parameter RemoveFromVersionId can't be empty. Staging label "+label+" is currently attached to version "+holder+
			", so you must explicitly reference that version in RemoveFromVersionId.")
	case from != "" && from != holder:
		return fault(InvalidParameter, "Staging label "+label+" is not attached to version "+from+".")
	case to == "":
		delete(s.labels, label)
	case to != holder:
		s.move(label, to)
	}
	return nil
}

// get finds a version by id, label, or both where they agree.
func (s *secret) get(id, label string) (version, error) {
	if id == "" {
		id = s.labels[label]
	} else if label != "" && s.labels[label] != id {
		return version{}, fault(InvalidRequest, "You provided a VersionStage that is not associated to the provided VersionId.")
	}
	found, ok := s.versions[id]
	if !ok {
		return version{}, fault(ResourceNotFound, "Secrets Manager can't find the specified secret value for staging label: "+label)
	}
	return found, nil
}

// stages lists the labels of a version, sorted.
func (s *secret) stages(id string) []string {
	var stages []string
	for label, of := range s.labels {
		if of == id {
			stages = append(stages, label)
		}
	}
	slices.Sort(stages)
	return stages
}

// arnOf derives the six random characters of a real ARN from the name, so that it is the same in every run.
func arnOf(name string) string {
	sum := sha256.Sum256([]byte(name))
	suffix := sum[:6]
	for i, b := range suffix {
		suffix[i] = suffixAlphabet[int(b)%len(suffixAlphabet)]
	}
	return "arn:aws:secretsmanager:" + Region + ":" + Account + ":secret:" + name + "-" + string(suffix)
}

// newID is a random (version 4) UUID, which the SDKs use for version ids too.
func newID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
