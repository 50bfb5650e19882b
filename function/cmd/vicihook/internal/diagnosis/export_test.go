package diagnosis

import "context"

// ExplainByOne is Explain without its thousands of pairs, so that fuzzing gets somewhere.
func ExplainByOne(ctx context.Context, c Case) Finding {
	search := newSearch(ctx, c)
	for _, stage := range []func() (Finding, bool){search.asItIs, search.withOneChange} {
		if finding, found := stage(); found {
			return finding
		}
	}
	return search.unexplained()
}

// Rewritten returns a JSON body in every way that Explain tries.
func Rewritten(body []byte) (bodies [][]byte) {
	jsonChanges(body, func(_, _, _ string, signed []byte) { bodies = append(bodies, signed) })
	return bodies
}
