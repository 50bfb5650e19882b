package source

// DecodeJSON is decodeJSON, for the comparison with encoding/json.
var DecodeJSON = decodeJSON
