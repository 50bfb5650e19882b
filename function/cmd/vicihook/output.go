package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"
)

const maxShown = 1 << 10 // bytes of a body that are printed

// printJSON prints one JSON value on one line.
func (env *environment) printJSON(value any) error {
	encoder := json.NewEncoder(env.stdout)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// printTable prints rows in columns; the first row has the heads.
func printTable(w io.Writer, rows [][]string) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = printable(cell)
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	return table.Flush()
}

// oneLine returns a body if it is one line of text, else its size.
func oneLine(body []byte) string {
	if len(body) > maxShown || bytes.ContainsFunc(body, unicode.IsControl) {
		return fmt.Sprintf("%d bytes", len(body))
	}
	return string(body)
}

const rowFormat = "%-8s  %s\n"

// printRows prints names and values in two columns and leaves out empty values.
func printRows(w io.Writer, namesAndValues ...string) {
	for row := range slices.Chunk(namesAndValues, 2) {
		if row[1] != "" {
			fmt.Fprintf(w, rowFormat, row[0], printable(row[1]))
		}
	}
}

// printable replaces what could control the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}
