package jq

import "github.com/itchyny/gojq"

// paths returns the plain paths that a query reads from its input: .event.type == "x" and .live has event, type and live.
// What follows a pipe reads another input.
func paths(q *gojq.Query) [][]string {
	switch {
	case q.Term != nil:
		return termPaths(q.Term)
	case q.Left == nil:
		return nil
	case q.Op == gojq.OpPipe:
		return paths(q.Left)
	default:
		return append(paths(q.Left), paths(q.Right)...)
	}
}

func termPaths(t *gojq.Term) (found [][]string) {
	switch t.Type {
	case gojq.TermTypeQuery:
		return paths(t.Query)
	case gojq.TermTypeIf:
		return paths(t.If.Cond)
	case gojq.TermTypeFunc:
		if t.Func.Name == "select" || t.Func.Name == "first" {
			for _, arg := range t.Func.Args {
				found = append(found, paths(arg)...)
			}
		}
	case gojq.TermTypeIndex:
		path := []string{indexName(t.Index)}
		for _, suffix := range t.SuffixList {
			if suffix.Index == nil || indexName(suffix.Index) == "" {
				break
			}
			path = append(path, indexName(suffix.Index))
		}
		if path[0] != "" {
			found = append(found, path)
		}
	}
	return found
}

func indexName(i *gojq.Index) string {
	if i.Str != nil && i.Str.Queries == nil {
		return i.Str.Str
	}
	return i.Name
}
