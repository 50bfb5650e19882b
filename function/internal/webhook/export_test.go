package webhook

// JSONMember lets the tests compare the search for a member with encoding/json.
var JSONMember = jsonMember
