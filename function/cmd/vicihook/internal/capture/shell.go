package capture

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// A splitter cuts a command line into words as a POSIX shell does, with the $'…' of bash and zsh. Nothing is expanded.
type splitter struct {
	text   string
	word   strings.Builder
	inWord bool
	words  []string
}

func shellWords(text string) ([]string, error) {
	s := splitter{text: text}
	for s.text != "" {
		if err := s.next(); err != nil {
			return nil, err
		}
	}
	s.end()
	return s.words, nil
}

// next takes one unquoted character, one escape or one quoted part.
func (s *splitter) next() error {
	switch {
	case strings.HasPrefix(s.text, "\\\r\n"):
		s.text = s.text[3:]
	case strings.HasPrefix(s.text, "\\\n"):
		s.text = s.text[2:]
	case strings.IndexByte(" \t\r\n", s.text[0]) >= 0:
		s.end()
		s.text = s.text[1:]
	case s.text[0] == '\'':
		return s.quoted(1, '\'', literal)
	case s.text[0] == '"':
		return s.quoted(1, '"', inDoubleQuotes)
	case strings.HasPrefix(s.text, "$'"):
		return s.quoted(2, '\'', ansiC)
	case s.text[0] == '\\' && len(s.text) > 1:
		s.put(s.text[1:2])
		s.text = s.text[2:]
	default:
		s.put(s.text[:1])
		s.text = s.text[1:]
	}
	return nil
}

func (s *splitter) put(part string) {
	s.inWord = true
	s.word.WriteString(part)
}

func (s *splitter) end() {
	if s.inWord {
		s.words = append(s.words, s.word.String())
		s.word.Reset()
		s.inWord = false
	}
}

// An escape says what the backslash at the start of text stands for and how many bytes that takes; 0 = a mere backslash.
type escape func(text string) (meaning string, used int)

// quoted takes a part up to its closing quote, after an opening one of the given length.
func (s *splitter) quoted(opening int, closing byte, unescape escape) error {
	s.put("")
	for text := s.text[opening:]; text != ""; {
		if text[0] == closing {
			s.text = text[1:]
			return nil
		}
		meaning, used := text[:1], 1
		if text[0] == '\\' {
			if m, n := unescape(text); n > 0 {
				meaning, used = m, n
			}
		}
		s.put(meaning)
		text = text[used:]
	}
	return unreadable("a quote in the command line is not closed")
}

func literal(string) (string, int) { return "", 0 }

func inDoubleQuotes(text string) (string, int) {
	switch {
	case len(text) < 2:
		return "", 0
	case text[1] == '\n':
		return "", 2
	case strings.IndexByte("$`\"\\", text[1]) >= 0:
		return text[1:2], 2
	}
	return "", 0
}

var ansiEscapes = map[byte]string{
	'n': "\n", 'r': "\r", 't': "\t", '\\': "\\", '\'': "'", '"': "\"", '?': "?",
	'a': "\a", 'b': "\b", 'f': "\f", 'v': "\v", 'e': "\x1b",
}

// ansiC knows the letters above, \xHH, \uHHHH, \UHHHHHHHH and octal \NNN.
func ansiC(text string) (string, int) {
	if len(text) < 2 {
		return "", 0
	}
	if meaning, ok := ansiEscapes[text[1]]; ok {
		return meaning, 2
	}
	switch text[1] {
	case 'x':
		return byteEscape(text, 2, 2, 16)
	case 'u':
		return runeEscape(text, 4)
	case 'U':
		return runeEscape(text, 8)
	}
	return byteEscape(text, 1, 3, 8)
}

func byteEscape(text string, from, digits, base int) (string, int) {
	value, used := number(text[from:], digits, base)
	if used == 0 || value > 0xff {
		return "", 0
	}
	return string([]byte{byte(value)}), from + used
}

func runeEscape(text string, digits int) (string, int) {
	value, used := number(text[2:], digits, 16)
	if used == 0 || value > utf8.MaxRune {
		return "", 0
	}
	return string(rune(value)), 2 + used
}

// number reads up to so many digits.
func number(text string, digits, base int) (value uint64, used int) {
	for used < digits && used < len(text) {
		v, err := strconv.ParseUint(text[:used+1], base, 32)
		if err != nil {
			break
		}
		value, used = v, used+1
	}
	return value, used
}
