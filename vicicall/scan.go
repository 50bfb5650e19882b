package vicicall

import "bytes"

// scanned is a body taken apart into lines that mean something and lines that only decorate.
type scanned struct {
	significant int    // lines that are neither blank nor decoration
	decorated   bool   // by PHP's warnings, VICIdial's debug output or its link to close the window
	line        []byte // the last significant line: the only one when significant is 1
	successes   int    // significant lines that hold SUCCESS
	success     []byte // the last of them
	refusals    int    // significant lines that begin with "ERROR: "
	refusal     []byte // the last of them

	databaseDown bool
}

func scan(body []byte) scanned {
	var s scanned
	for line := range bytes.SplitSeq(body, []byte("\n")) {
		line = bytes.TrimLeft(bytes.TrimSuffix(line, []byte("\r")), "\ufeff \t")
		switch {
		case len(line) == 0:
			continue
		case isDecoration(line):
			s.decorated = true
			continue
		case bytes.HasPrefix(line, []byte(refusalMark)):
			s.refusals++
			s.refusal = line
		case bytes.Contains(line, []byte(successWord)):
			s.successes++
			s.success = line
		case bytes.HasPrefix(line, []byte(databaseDown)):
			s.databaseDown = true
		}
		s.significant++
		s.line = line
	}
	return s
}

func isDecoration(line []byte) bool {
	return (isPHPMessage(line) || isDebugOutput(line) || isCloseLink(line)) &&
		!containsAny(line, failures) && !bytes.Contains(line, []byte(successMark))
}

var phpKinds = map[string]bool{"Warning": true, "Notice": true, "Deprecated": true, "Strict Standards": true}

// isPHPMessage knows both shapes of display_errors=On, with and without html_errors.
func isPHPMessage(line []byte) bool {
	if string(line) == "<br />" {
		return true
	}
	if html, ok := bytes.CutPrefix(line, []byte("<b>")); ok {
		kind, text, _ := bytes.Cut(html, []byte("</b>: "))
		return phpKinds[string(kind)] && endsInNumber(text, " on line <b>", "</b><br />")
	}
	kind, text, _ := bytes.Cut(bytes.TrimPrefix(line, []byte("PHP ")), []byte(": "))
	return phpKinds[string(kind)] && endsInNumber(text, " on line ", "")
}

// endsInNumber reports whether text ends in mark, a number and end.
func endsInNumber(text []byte, mark, end string) bool {
	i := bytes.LastIndex(text, []byte(mark))
	if i < 0 {
		return false
	}
	number, ok := bytes.CutSuffix(text[i+len(mark):], []byte(end))
	return ok && madeOf(string(number), digits, 1, 9)
}

var debugLines = map[string]bool{
	"<html>": true, "<head>": true, "</head>": true, "</body>": true, "</html>": true,
	"<title>VICIDiaL Agent API</title>": true,
}

var sqlVerbs = []string{"SELECT ", "select ", "INSERT ", "UPDATE ", "DELETE "}

// isDebugOutput knows format=debug and DB=1: a page's frame, and SQL statements bare, in bars or in comments.
func isDebugOutput(line []byte) bool {
	if debugLines[string(line)] || bytes.HasPrefix(line, []byte("<!-- VERSION: ")) ||
		bytes.HasPrefix(line, []byte("<BODY BGCOLOR=white ")) {
		return true
	}
	if comment, ok := bytes.CutPrefix(line, []byte("<!-- ")); ok {
		_, after, closed := bytes.Cut(comment, []byte("-->"))
		return closed && (len(after) == 0 || isSQL(after))
	}
	return isSQL(line)
}

func isSQL(line []byte) bool {
	if inner, ok := bytes.CutPrefix(line, []byte("|")); ok {
		line, ok = bytes.CutSuffix(inner, []byte("|"))
		if !ok {
			return false
		}
	}
	for _, verb := range sqlVerbs {
		if bytes.HasPrefix(line, []byte(verb)) {
			return bytes.HasSuffix(line, []byte(";"))
		}
	}
	return false
}

// isCloseLink knows close_window_link=1; its words are translated.
func isCloseLink(line []byte) bool {
	text, ok := bytes.CutPrefix(line, []byte(`<a href="javascript:window.opener='x';window.close();">`))
	text, closed := bytes.CutSuffix(text, []byte("</a>"))
	return ok && closed && !bytes.ContainsAny(text, "<>")
}
