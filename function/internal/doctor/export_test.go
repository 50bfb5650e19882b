package doctor

import (
	"maps"
	"slices"
)

// Catalogue lists what the doctor can find, but for the refusals of an account.
func Catalogue() []string { return slices.Sorted(maps.Keys(catalogue)) }
