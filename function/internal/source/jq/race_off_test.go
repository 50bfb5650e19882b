//go:build !race

package jq_test

const raced = false
