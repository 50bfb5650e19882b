package webhook

// JSONMember is compared with encoding/json by a fuzz target.
var JSONMember = jsonMember
