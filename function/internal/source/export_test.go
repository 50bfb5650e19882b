package source

// DecodeJSON is decodeJSON, for the comparison with encoding/json.
var DecodeJSON = decodeJSON

// ErrNotCompiled is what no expression may come to.
var ErrNotCompiled = errNotCompiled
