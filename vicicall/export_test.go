package vicicall

// NewOn makes a Client that dials by other means than the network.
func NewOn(config Config, dial dialFunc) *Client {
	config.Dial = dial
	return New(config)
}
