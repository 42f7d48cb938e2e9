// decide_campaign with a gate taken out, for the tests that show what each gate keeps away. Private
// to decide: no header of the module leads here.
#pragma once

#include "attune/decide/campaign_gates.h"

namespace attune::decide {

// `without`: a gate that lets everybody pass; absent: all gates stand.
Status decide_campaign_without(std::optional<Gate> without, const CampaignPlan& plan,
                               const CampaignInputs& inputs, CampaignOutcomes& outcomes);

}  // namespace attune::decide
