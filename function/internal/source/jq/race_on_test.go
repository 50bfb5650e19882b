//go:build race

package jq_test

// raced is true under the race detector, where sync.Pool keeps nothing for long, so that each regular expression
// allocates its machine anew: what is allocated says nothing of the function then.
const raced = true
