#include "head.hpp"
