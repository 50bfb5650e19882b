package main

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/smithy-go"
)

// Outputs of template.yaml that lead to the parts of a stack.
const (
	functionNameOutput = "FunctionName"
	logGroupOutput     = "FunctionLogGroup"
)

// stackOutput returns the output of a CloudFormation stack of that name.
func (env *environment) stackOutput(settings aws.Config, stack, output string) (string, error) {
	described, err := cloudformation.NewFromConfig(settings).DescribeStacks(env.ctx, &cloudformation.DescribeStacksInput{StackName: &stack})
	if _, answered := errors.AsType[smithy.APIError](err); answered {
		return "", &failure{statusFailed, fmt.Errorf("--stack: %w", err)}
	}
	if err != nil {
		return "", &failure{statusSilent, fmt.Errorf("--stack: %w", err)}
	}
	for _, found := range described.Stacks {
		for _, o := range found.Outputs {
			if aws.ToString(o.OutputKey) == output && aws.ToString(o.OutputValue) != "" {
				return aws.ToString(o.OutputValue), nil
			}
		}
	}
	return "", &failure{statusFailed, fmt.Errorf("--stack: %s has no output %s: it is no stack of vicihook's template, or its first deployment has not finished", stack, output)}
}
