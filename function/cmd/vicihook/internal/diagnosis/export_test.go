package diagnosis

// Rewritten returns a JSON body in every style that Explain tries.
func Rewritten(body []byte) (bodies []string) {
	for _, d := range jsonDamages(body) {
		bodies = append(bodies, d.before("")...)
	}
	return bodies
}
