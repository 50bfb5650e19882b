package secret

import (
	"fmt"
	"time"
)

// A Version is one value of the secret. Printed or encoded in any way it shows its id and age, never its Value.
type Version[T any] struct {
	ID      string    // Secrets Manager's VersionId
	Created time.Time // CreatedDate: when the value was put; zero if Secrets Manager did not say
	Value   T
}

// IsYounger reports whether the version was put less than d before at: then the one before it still counts.
// With a d of 0 none does. Secrets Manager's clock may be ahead.
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
	Previous    *Version[T] // nil if it does not count, does not exist or can't be used
	PreviousErr error       // why Previous can't be used; Current is good all the same
	RefreshErr  error       // why the last refresh failed; there may be a newer version

	at         time.Time // when its fetch began
	previousAt time.Time // when the fetch began that Previous is from
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
