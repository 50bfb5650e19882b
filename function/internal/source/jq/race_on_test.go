//go:build race

package jq_test

// raced is true under the race detector, where sync.Pool drops what it holds, so that each match of a regular expression
// allocates its machine again.
const raced = true
