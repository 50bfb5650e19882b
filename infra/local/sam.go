//go:build unix

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"

	"vicihook/infra/local/stack"
)

// sampleKey signs the sample events, see events/README.md. It is for tests only.
const sampleKey = "vicihookSampleKeyWhichOpensNothing"

// sampleURL is the API's address in the sample events, which some senders sign.
const sampleURL = "https://hooks.example.com"

// functionID is the function's name in template.yaml.
const functionID = "VicihookFunction"

// chooseAddress sets the address to loopback, or to one that SAM's container reaches, if it has to.
func (c *cli) chooseAddress() error {
	c.Listen = "127.0.0.1:0"
	switch bridge := bridgeAddress(); {
	case c.EnvFile == "" || c.Host != "":
	case bridge != "":
		c.Listen = net.JoinHostPort(bridge, "0")
	case runtime.GOOS == "darwin":
		c.Host = "host.docker.internal"
	default:
		return errors.New("--env-file: Docker's bridge docker0 has no address yet, so SAM's container could not reach this machine: " +
			"start Docker, or name an address that containers reach with --listen ADDRESS:0; with Docker Desktop: --host host.docker.internal")
	}
	return nil
}

// bridgeAddress returns this machine's IPv4 address in the network of Docker's containers, or "".
func bridgeAddress() string {
	bridge, err := net.InterfaceByName("docker0")
	if err != nil {
		return ""
	}
	addresses, _ := bridge.Addrs() // none, if it fails
	for _, address := range addresses {
		if network, ok := address.(*net.IPNet); ok && network.IP.To4() != nil {
			return network.IP.String()
		}
	}
	return ""
}

// writeEnvFile writes the variables with which a function in SAM's container reaches the stack.
func writeEnvFile(path string, env map[string]string) error {
	env["PUBLIC_URL"] = sampleURL
	text, err := json.MarshalIndent(map[string]any{functionID: env}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o600)
}

// samLocal prints how to invoke the function with a sample event by the SAM CLI.
func (p printer) samLocal(s *stack.Stack, envFile string) {
	invoke := "sam local invoke " + functionID + " --env-vars " + envFile + " -e"
	fmt.Fprintf(p.w, "By the SAM CLI, once `sam build` has built it for this machine's processor:\n\n")
	fmt.Fprintf(p.w, "    %s events/github.json\n", invoke)
	fmt.Fprintf(p.w, "    VICIHOOK_KEY=%s go run ./function/cmd/vicihook sign --event-file events/crm.json | %s -\n\n", s.Keys["crm"], invoke)
}
