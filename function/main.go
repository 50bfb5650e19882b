// Command function is the Lambda: a signed webhook in, one ended VICIdial call and one true answer out.
package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/aws/aws-lambda-go/lambda"
)

// version is set by the linker.
var version = "unversioned"

func main() {
	executable, err := os.Executable()
	if err != nil {
		panic(err) // a Linux without /proc: nothing can be found
	}
	lambda.StartWithOptions(wire(context.Background(), os.Getenv, filepath.Dir(executable)))
}
