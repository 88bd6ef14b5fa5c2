#!/bin/bash
echo agent 1
