package secretsmanager

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"
)

// maxValue is the largest value that Secrets Manager stores, in bytes.
const maxValue = 65536

type secret struct {
	arn, name string
	versions  map[string]version // by id
	labels    map[string]string  // label to version id
}

// A version is immutable once it is stored.
type version struct {
	id      string
	created time.Time
	value
}

// isStorable reports whether there is one value, of a size that Secrets Manager accepts.
func (v value) isStorable() bool {
	size := len(v.SecretBinary)
	if v.SecretString != nil {
		size += len(*v.SecretString)
	}
	return size > 0 && size <= maxValue && (v.SecretString == nil || v.SecretBinary == nil)
}

// create stores a new secret; without a value it has no version yet. s.mu is held.
func (s *Server) create(name string, v version) (*secret, error) {
	if name == "" {
		return nil, refuse(InvalidParameter, "Name is required.")
	}
	arn := arnOf(name)
	if s.secrets[arn] != nil {
		return nil, refuse(ResourceExists, "The operation failed because the secret "+name+" already exists.")
	}
	made := &secret{arn: arn, name: name, versions: map[string]version{}, labels: map[string]string{}}
	if v.SecretString != nil || v.SecretBinary != nil {
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
	return nil, refuse(ResourceNotFound, "Secrets Manager can't find the specified secret.")
}

// put adds a version and moves the labels to it. A known id is the same request again.
func (s *secret) put(v version, labels []string, now time.Time) (id string, err error) {
	if !v.isStorable() {
		return "", refuse(InvalidParameter, "You must provide either SecretString or SecretBinary, of 1 to 65536 bytes.")
	}
	if v.id == "" {
		v.id = newID()
	}
	if _, known := s.versions[v.id]; known {
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

// move attaches a label to a version. AWSPREVIOUS follows to the version that loses AWSCURRENT.
func (s *secret) move(label, id string) {
	if old := s.labels[Current]; label == Current && old != "" && old != id {
		s.labels[Previous] = old
	}
	s.labels[label] = id
}

// moveLabel moves a label from one version to another, if it is attached to the first.
func (s *secret) moveLabel(label, from, to string) error {
	if _, known := s.versions[to]; !known {
		return refuse(ResourceNotFound, "Secrets Manager can't find the specified secret version: "+to)
	}
	if s.labels[label] != from {
		return refuse(InvalidParameter, "Staging label "+label+" is not attached to version "+from+".")
	}
	s.move(label, to)
	return nil
}

// get finds a version by id or by label.
func (s *secret) get(id, label string) (version, error) {
	if id == "" {
		id = s.labels[label]
	}
	found, ok := s.versions[id]
	if !ok {
		return version{}, refuse(ResourceNotFound, "Secrets Manager can't find the specified secret value for staging label: "+label)
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
	return "arn:aws:secretsmanager:" + Region + ":" + Account + ":secret:" + name + "-" + hex.EncodeToString(sum[:3])
}

// newID returns a random UUID, which the SDKs use for version ids too.
func newID() string {
	h := hex.EncodeToString([]byte(rand.Text())) // 26 letters
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:32]
}
