package hangup

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"

	"vicihook/vicicall"
)

// recovered returns the report of run, or that of its panic.
func recovered(run func() Report) (r Report) {
	defer func() {
		if p := recover(); p != nil {
			r = refuse(vicicall.Misconfigured, failedMessage, PanicError(p))
		}
	}()
	return run()
}

// PanicError is what may be logged of a recovered panic: its type and place. Its value may quote a payload.
func PanicError(recovered any) error {
	return fmt.Errorf("panic (%T) in %s", recovered, panicSite())
}

// panicSite names the function and line that panicked: the first frame below the runtime's own.
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
