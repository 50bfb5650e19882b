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

// IsYounger tells whether the version was put less than d before at, so that the one before it counts where it may for
// d. Secrets Manager's clock may be ahead; nothing is younger than 0.
func (v Version[T]) IsYounger(d time.Duration, at time.Time) bool {
	return d > 0 && at.Sub(v.Created) < d
}

// A Snapshot is what one fetch found. Requests share what it points to, so it must not be changed.
type Snapshot[T any] struct {
	Current     Version[T]
	Previous    *Version[T] // nil when it is not wanted, there is none, or it can't be used
	PreviousErr error       // why there is a Previous that can't be used; Current is good all the same
	RefreshErr  error       // why the last refresh failed, so that a newer version may be there
}

// differs tells that o has other versions.
func (s Snapshot[T]) differs(o Snapshot[T]) bool {
	return s.Current.ID != o.Current.ID || s.Previous.id() != o.Previous.id()
}

func (v *Version[T]) id() string {
	if v == nil {
		return ""
	}
	return v.ID
}

// String shows no value.
func (v Version[T]) String() string {
	return fmt.Sprintf("version %s of %s", v.ID, v.Created.UTC().Format(time.RFC3339))
}

// Format is String for every verb.
func (v Version[T]) Format(f fmt.State, _ rune) { fmt.Fprint(f, v.String()) }

// MarshalText is String, for encoding/json and log/slog.
func (v Version[T]) MarshalText() ([]byte, error) { return []byte(v.String()), nil }
