package main

// Wire is wire, for benchmarks that leave out Lambda's runtime client.
var Wire = wire
