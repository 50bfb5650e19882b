package doctor

import (
	"maps"
	"slices"
)

// Catalogue returns all faults except the refusals of an account.
func Catalogue() []string { return slices.Sorted(maps.Keys(catalogue)) }
