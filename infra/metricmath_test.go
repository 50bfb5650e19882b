package infra_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
)

// calculate evaluates CloudWatch metric math for one period, as far as the alarms use it. Its grammar is that of Go's
// expressions but for AND and OR.
func calculate(t *testing.T, expression string, values map[string]float64) float64 {
	t.Helper()
	inGo := strings.NewReplacer(" AND ", " && ", " OR ", " || ", "\n", " ").Replace(expression)
	parsed, err := parser.ParseExpr(inGo)
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return metricMath{t, values}.value(parsed)
}

type metricMath struct {
	t      *testing.T
	values map[string]float64
}

func (m metricMath) value(e ast.Expr) float64 {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return m.value(e.X)
	case *ast.BasicLit:
		n, _ := strconv.ParseFloat(e.Value, 64)
		return n
	case *ast.Ident:
		n, known := m.values[e.Name]
		if !known {
			m.t.Fatalf("no metric is called %s", e.Name)
		}
		return n
	case *ast.BinaryExpr:
		return m.binary(e.Op, m.value(e.X), m.value(e.Y))
	case *ast.CallExpr:
		switch e.Fun.(*ast.Ident).Name {
		case "FILL": // no value is missing here
			return m.value(e.Args[0])
		case "IF":
			if m.value(e.Args[0]) != 0 {
				return m.value(e.Args[1])
			}
			return m.value(e.Args[2])
		}
	}
	m.t.Fatalf("nothing here evaluates %#v", e)
	return 0
}

func (m metricMath) binary(op token.Token, x, y float64) float64 {
	var holds bool
	switch op {
	case token.ADD:
		return x + y
	case token.SUB:
		return x - y
	case token.MUL:
		return x * y
	case token.QUO:
		return x / y
	case token.LAND:
		holds = x != 0 && y != 0
	case token.LOR:
		holds = x != 0 || y != 0
	case token.GEQ:
		holds = x >= y
	case token.GTR:
		holds = x > y
	default:
		m.t.Fatalf("nothing here evaluates %v", op)
	}
	if holds {
		return 1
	}
	return 0
}
