package hangup

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"

	"vicihook/vicicall"
)

// recovered turns a panic of the function that defers it into that function's report.
func recovered(r *Report) {
	if p := recover(); p != nil {
		*r = refuse(vicicall.Misconfigured, failedMessage, PanicError(p))
	}
}

// PanicError returns what may be logged of a recovered panic: its type and place. Its value may quote a payload.
func PanicError(recovered any) error {
	return fmt.Errorf("panic (%T) in %s", recovered, panicSite())
}

// panicSite returns the function and line that panicked: the first frame below the runtime's own.
func panicSite() string {
	callers := make([]uintptr, 32)
	frames := runtime.CallersFrames(callers[:runtime.Callers(1, callers)])
	panicking := false
	for {
		frame, more := frames.Next()
		switch {
		case strings.HasPrefix(frame.Function, "runtime."):
			panicking = true
		case panicking:
			return frame.Function + ":" + strconv.Itoa(frame.Line)
		}
		if !more {
			return "unknown"
		}
	}
}
