package secret

import (
	"fmt"
	"time"
)

// A Version is one value that the secret had. Printed or encoded in any way it shows its id and age, not its Value.
type Version[T any] struct {
	ID      string    // Secrets Manager's VersionId
	Created time.Time // CreatedDate: when the value was put; zero if Secrets Manager did not say
	Value   T
}

// IsYounger reports whether the version was put less than d before at, so that the one before it still counts.
// Secrets Manager's clock may be ahead; nothing is younger than 0.
func (v Version[T]) IsYounger(d time.Duration, at time.Time) bool {
	return d > 0 && at.Sub(v.Created) < d
}

// String shows no value.
func (v Version[T]) String() string {
	return fmt.Sprintf("version %s of %s", v.ID, v.Created.UTC().Format(time.RFC3339))
}

// Format is String for every verb.
func (v Version[T]) Format(f fmt.State, _ rune) { fmt.Fprint(f, v.String()) }

// MarshalText is String, for encoding/json and log/slog.
func (v Version[T]) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// A Snapshot is the result of one fetch. Requests share what it points to, so it must not be changed.
type Snapshot[T any] struct {
	Current     Version[T]
	Previous    *Version[T] // nil when it does not count, there is none, or it can't be used
	PreviousErr error       // why Previous can't be used; Current is good all the same
	RefreshErr  error       // why the last refresh failed; there may be a newer version

	at         time.Time // when its fetch began
	previousAt time.Time // when the fetch began that Previous is from
}

// takePrevious takes over what is known of AWSPREVIOUS.
func (s *Snapshot[T]) takePrevious(old *Snapshot[T]) {
	s.Previous, s.PreviousErr, s.previousAt = old.Previous, old.PreviousErr, old.previousAt
}

// find returns the version of that id, nil when the snapshot has none.
func (s *Snapshot[T]) find(id string) *Version[T] {
	switch {
	case s == nil || id == "":
		return nil
	case s.Current.ID == id:
		return &s.Current
	case s.Previous != nil && s.Previous.ID == id:
		return s.Previous
	}
	return nil
}

// differs reports whether o has other versions.
func (s Snapshot[T]) differs(o Snapshot[T]) bool {
	return s.Current.ID != o.Current.ID || s.previousID() != o.previousID()
}

func (s Snapshot[T]) previousID() string {
	if s.Previous == nil {
		return ""
	}
	return s.Previous.ID
}
