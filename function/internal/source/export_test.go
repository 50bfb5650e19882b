package source

// DecodeJSON is decodeJSON, for the comparison with encoding/json.
var DecodeJSON = decodeJSON

// ErrNotCompiled is what no expression may come to.
var ErrNotCompiled = errNotCompiled

// Compile compiles every expression, as the senders' first deliveries do, and gives the first fault.
func (s *Sources) Compile() error {
	for _, source := range s.byName {
		from := source.selector
		for _, e := range []*expression{from.each, from.when, from.callID, from.agentUser, from.disposition, from.ref, from.actor} {
			if e == nil {
				continue
			}
			if _, err := e.code(); err != nil {
				return err
			}
		}
	}
	return nil
}
