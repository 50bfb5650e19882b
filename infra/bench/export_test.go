//go:build unix

package main

// Exceeded tells whether a figure exceeds its budget.
func Exceeded(most float64, strict bool, figure ...float64) bool {
	return alone("a figure", "ms", 1, figure...).under(limit{most: most, strict: strict}).exceeded()
}
