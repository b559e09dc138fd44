// Precompiled for every test program (see schema/pch/pch.h).
#pragma once

#include <doctest/doctest.h>

#include "schema/pch/pch.h"
